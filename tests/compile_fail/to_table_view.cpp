// expect: to_table\(name\): key and value outlive
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) { t.stream(views).to_table("last").to(words); }
