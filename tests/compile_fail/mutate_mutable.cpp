// expect: mutate\(f\): f is shared by all tasks and must be const-callable
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).mutate([n = 0](std::string& w) mutable { w += static_cast<char>(++n); }).to(words);
}
