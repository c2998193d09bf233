// expect: try_map\(f\): f must accept
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).try_map([](int n) -> klamm::Result<std::int64_t> { return std::int64_t{n}; }).to(numbers);
}
