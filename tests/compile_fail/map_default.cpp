// expect: map\(f\): what f returns is kept in slots
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).map([](const std::string&) { return NoDefault{1}; }).for_each([](const NoDefault&) {});
}
