// expect: flat_map\(f\): the elements of f's range
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).flat_map([](const std::string&) { return std::vector<NoDefault>{NoDefault{1}}; }).for_each([](const NoDefault&) {});
}
