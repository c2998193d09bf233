// expect: keep an owning type
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  const auto last = klamm::table<std::string_view>("last").fold([](std::string_view& now, const std::string& w) { now = w; });
  t.stream(words).group_by_key().aggregate(last).upserts().for_each([](std::string_view) {});
}
