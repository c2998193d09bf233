// expect: table.to\(topic\): the topic has another value type
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) { t.table(words).to(numbers); }
