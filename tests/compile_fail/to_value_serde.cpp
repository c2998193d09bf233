// expect: to\(topic\): the value type needs klamm::serde
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).map([](const std::string&) { return Plain{}; }).to(klamm::Topic<std::string, Plain>{"plain"});
}
