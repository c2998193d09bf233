// expect: group_by_key\(\): the keys of this stream mean nothing
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) { t.stream(lines).group_by_key().count("n").to(numbers); }
