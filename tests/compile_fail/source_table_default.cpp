// expect: table\(topic\): key and value are decoded into slots
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) { t.table(klamm::Topic<std::string, NoDefault>{"plain"}).to(words); }
