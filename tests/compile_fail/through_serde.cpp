// expect: through\(topic\): key and value need klamm::serde
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words)
      .map([](const std::string&) { return Plain{}; })
      .through(klamm::Topic<std::string, Plain>{"plain"})
      .for_each([](const Plain&) {});
}
