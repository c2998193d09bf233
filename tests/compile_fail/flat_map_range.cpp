// expect: flat_map\(f\): f must return a range
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).flat_map([](const std::string& w) { return static_cast<int>(w.size()); }).for_each([](int) {});
}
