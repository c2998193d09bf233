// expect: aggregate\(table\): the table's fold and unfold must be
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  const auto fold = [](std::int64_t& sum, const std::string&) { ++sum; };
  const auto total = klamm::table<std::int64_t>("total").fold(fold).unfold([](int) {});
  t.table(words).group_by([](const std::string& w) { return w; }).aggregate(total).to(numbers);
}
