// expect: select_key\(f\): the key is kept in slots
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).select_key([](const std::string&) { return NoDefault{1}; }).to(words);
}
