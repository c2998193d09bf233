// expect: to\(topic\): the topic has another value type
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).filter([](const std::string& w) { return !w.empty(); }).to(numbers);
}
