// expect: aggregate\(table\): rows leave their group
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  const auto total = klamm::table<std::int64_t>("total").fold([](std::int64_t& sum, const std::string&) { ++sum; });
  t.table(words).group_by([](const std::string& w) { return w; }).aggregate(total).to(numbers);
}
