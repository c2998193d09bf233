// expect: aggregate\(table\): the table has a changelog
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  const auto last = klamm::table<Plain>("last").fold([](Plain& now, const std::string& w) { now.x += static_cast<int>(w.size()); });
  t.stream(words).group_by_key().aggregate(last).upserts().for_each([](const Plain&) {});
}
