// expect: table.group_by\(f\): f must accept
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.table(words).group_by([](int n) { return n; }).count("n").to(numbers);
}
