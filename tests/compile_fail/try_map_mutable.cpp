// expect: try_map\(f\): f is shared by all tasks
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).try_map([n = std::int64_t{0}](const std::string&) mutable -> klamm::Result<std::int64_t> { return ++n; }).to(numbers);
}
