// expect: try_map\(f\): what f returns is kept in slots
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).try_map([](const std::string&) -> klamm::Result<NoDefault> { return NoDefault{1}; }).for_each([](const NoDefault&) {});
}
