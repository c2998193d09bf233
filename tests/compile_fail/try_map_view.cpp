// expect: try_map\(f\): f returns a view
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words)
      .try_map([](const std::string& w) -> klamm::Result<std::string_view> { return std::string_view{w}; })
      .for_each([](std::string_view) {});
}
