// expect: table.map\(f\): f is shared by all tasks
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.table(words).map([n = 0](const std::string&) mutable { return ++n; }).to(numbers);
}
