// expect: for_each\(f\): f must accept
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).for_each([](int n) { static_cast<void>(n); });
}
