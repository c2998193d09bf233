// expect: flat_map\(f\): f returns views
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).flat_map([](const std::string& w) { return std::vector<std::string_view>{w}; }).for_each([](std::string_view) {});
}
