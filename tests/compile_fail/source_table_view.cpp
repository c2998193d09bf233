// expect: table\(topic\): key and value outlive
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) { t.table(views).to(words); }
