// expect: aggregate\(table\): the table's type must own
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  const auto fold = [](Plain& sum, const std::string&) { ++sum.x; };
  const auto total = klamm::table<Plain>("total").fold(fold).unfold(fold);
  t.table(words).group_by([](const std::string& w) { return w; }).aggregate(total).upserts().for_each([](const Plain&) {});
}
