// expect: branch\(predicates...\): each must be const-callable
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  auto [a, b] = t.stream(words).branch([](int n) { return n > 0; });
  a.to(words);
  b.to(words);
}
