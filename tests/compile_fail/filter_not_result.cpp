// expect: filter_not\(f\): f must return bool
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).filter_not([](const std::string& w) { return w; }).to(words);
}
