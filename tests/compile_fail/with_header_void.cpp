// expect: with_header\(name, f\): f must return text, bytes
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).with_header("n", [](const std::string&) {}).to(words);
}
