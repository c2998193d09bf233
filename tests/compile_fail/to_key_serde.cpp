// expect: to\(topic\): the key type needs klamm::serde
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).select_key([](const std::string&) { return Plain{}; }).to(klamm::Topic<Plain, std::string>{"plain"});
}
