// expect: windowed_by\(windows\): say how long windows wait for late records
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).group_by_key().windowed_by(klamm::tumbling(klamm::Duration{10})).count("n").to(numbers);
}
