// expect: table.map\(f\): f must return the new value
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.table(words).map([](const std::string&) {}).to(words);
}
