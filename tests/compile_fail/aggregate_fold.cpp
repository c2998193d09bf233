// expect: aggregate\(table\): the table's fold must be
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  const auto total = klamm::table<std::int64_t>("total").fold([](std::int64_t sum, int a, int b) { return sum + a + b; });
  t.stream(numbers).group_by_key().aggregate(total).to(numbers);
}
