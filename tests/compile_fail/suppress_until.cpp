// expect: table\.suppress\(until\): until must be until_time_limit
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) { t.stream(words).group_by_key().count("n").suppress(5).to(numbers); }
