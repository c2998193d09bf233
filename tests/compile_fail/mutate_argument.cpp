// expect: mutate\(f\): f must accept
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).mutate([](int& n) { ++n; }).to(words);
}
