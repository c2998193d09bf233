// expect: peek\(f\): f must accept
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).peek([](int n) { static_cast<void>(n); }).to(words);
}
