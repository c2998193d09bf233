// expect: aggregate\(table\): the table's type must not be std::optional
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  const auto last =
      klamm::table<std::optional<std::string>>("last").fold([](std::optional<std::string>& now, const std::string& w) { now = w; });
  t.stream(words).group_by_key().aggregate(last).upserts().for_each([](const auto&) {});
}
