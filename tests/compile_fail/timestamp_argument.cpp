// expect: Topic::timestamp\(f\): f must accept
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words.timestamp([](int n) { return n; })).to(words);
}
