// expect: flat_map\(f\): f must accept
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).flat_map([](int n) { return std::vector<int>(3, n); }).to(numbers);
}
