// expect: map\(f\): f must accept
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words)
      .map([](int n) { return n + 1; })
      .filter([](int n) { return n > 0; })
      .group_by([](int n) { return n; })
      .count("n")
      .upserts()
      .to(numbers);
}
