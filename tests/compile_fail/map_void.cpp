// expect: map\(f\): f must return the new value
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).map([](const std::string&) {}).to(words);
}
