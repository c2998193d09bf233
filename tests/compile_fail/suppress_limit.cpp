// expect: table\.suppress\(until\): say what happens when the limit is reached
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).group_by_key().count("n").suppress(klamm::until_time_limit(klamm::Duration{5}, klamm::max_records(3))).to(numbers);
}
