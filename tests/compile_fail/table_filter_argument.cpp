// expect: table.filter\(f\): f must accept
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.table(words).filter([](int n) { return n > 0; }).to(words);
}
