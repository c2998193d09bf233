// expect: table\(topic\): the keys of this topic mean nothing
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) { t.table(lines).to(words); }
