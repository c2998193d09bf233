// expect: table.filter_not\(f\): f is shared by all tasks
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.table(words).filter_not([n = 0](const std::string&) mutable { return ++n > 1; }).to(words);
}
