// expect: to\(topic\): the topic has another key type
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) { t.stream(words).to(klamm::Topic<std::int64_t, std::string>{"other"}); }
