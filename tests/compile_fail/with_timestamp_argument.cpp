// expect: with_timestamp\(f\): f must accept
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).with_timestamp([](int n) { return n; }).to(words);
}
