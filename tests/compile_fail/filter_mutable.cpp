// expect: filter\(f\): f is shared by all tasks and must be const-callable
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).filter([n = 0](const std::string&) mutable { return ++n > 1; }).to(words);
}
