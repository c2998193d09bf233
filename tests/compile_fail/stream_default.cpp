// expect: stream\(topic\): key and value are decoded into slots
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) { t.stream(klamm::Topic<std::string, NoDefault>{"plain"}).to(words); }
