// expect: to\(topics, f\): the topics have another key or value type
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).to({numbers, numbers}, [](const std::string&) { return "numbers"; });
}
