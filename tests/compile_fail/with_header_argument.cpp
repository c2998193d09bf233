// expect: with_header\(name, f\): f must be a text, accept
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).with_header("n", [](int n) { return n; }).to(words);
}
