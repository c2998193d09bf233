// expect: left_join\(table, f\): f must be const-callable .* and return the new value
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  const auto table = t.table(numbers);
  t.stream(words).left_join(table, [](const std::string&, const std::int64_t*) {}).to(words);
}
