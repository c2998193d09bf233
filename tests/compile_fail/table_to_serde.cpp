// expect: table.to\(topic\): the value type needs
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.table(words).map([](const std::string&) { return Plain{}; }).to(klamm::Topic<std::string, Plain>{"plain"});
}
