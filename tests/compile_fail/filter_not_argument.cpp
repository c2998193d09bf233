// expect: filter_not\(f\): f must accept
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).filter_not([](int n) { return n > 0; }).to(words);
}
