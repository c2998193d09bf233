// expect: to\(topics, f\): key and value types need klamm::serde
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  const klamm::Topic<std::string, Plain> a{"a"}, b{"b"};
  t.stream(words).map([](const std::string&) { return Plain{}; }).to({a, b}, [](const Plain&) { return "a"; });
}
