// expect: map\(f\): f returns a view
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).map([](const std::string& w) { return std::string_view{w}; }).for_each([](std::string_view) {});
}
