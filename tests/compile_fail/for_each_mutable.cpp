// expect: for_each\(f\): f is shared by all tasks and must be const-callable
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).for_each([n = 0](const std::string&) mutable { ++n; });
}
