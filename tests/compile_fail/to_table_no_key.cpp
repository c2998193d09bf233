// expect: to_table\(name\): the keys of this stream mean nothing
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) { t.stream(lines).to_table("last").to(words); }
