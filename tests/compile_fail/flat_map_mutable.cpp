// expect: flat_map\(f\): f is shared by all tasks and must be const-callable
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).flat_map([n = 0](const std::string&) mutable { return std::vector<int>{++n}; }).to(numbers);
}
