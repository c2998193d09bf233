// expect: with_timestamp\(f\): f must return milliseconds
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).with_timestamp([](const std::string& w) { return w; }).to(words);
}
