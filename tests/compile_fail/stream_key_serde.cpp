// expect: stream\(topic\): the key type needs
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) { t.stream(klamm::Topic<Plain, std::string>{"plain"}).to(words); }
