// expect: table.group_by\(f\): f is shared by all tasks
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.table(words).group_by([n = 0](const std::string& w) mutable { return ++n, w; }).count("n").to(numbers);
}
