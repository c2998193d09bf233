// expect: select_key\(f\): f returns a view
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).select_key([](const std::string& w) { return std::string_view{w}; }).to(words);
}
