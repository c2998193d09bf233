// expect: table\(topic\): key and value types need
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) { t.table(klamm::Topic<std::string, Plain>{"plain"}).to(words); }
