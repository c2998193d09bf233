// expect: try_map\(f\): f must return klamm::Result
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).try_map([](const std::string& w) { return w; }).to(words);
}
