// expect: table.map\(f\): f must accept
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.table(words).map([](int n) { return n; }).to(numbers);
}
