// expect: group_by_key\(\): key and value outlive
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) { t.stream(views).group_by_key().count("n").to(numbers); }
