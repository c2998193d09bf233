// expect: stream\(topic\): the value type needs
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) { t.stream(klamm::Topic<std::string, Plain>{"plain"}).to(words); }
