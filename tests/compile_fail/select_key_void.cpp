// expect: select_key\(f\): f must return the new key
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).select_key([](const std::string&) {}).to(words);
}
