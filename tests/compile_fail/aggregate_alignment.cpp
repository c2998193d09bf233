// expect: aggregate\(table\): the table's type must not be aligned
#include "klamm/klamm.hpp"

#include "types.hpp"

struct alignas(16) Wide {
  int x = 0;
};
template <> struct klamm::serde<Wide> {
  static void encode(const Wide&, Bytes&) {}
  static std::optional<Wide> decode(BytesView) { return Wide{}; }
};

void pipeline(klamm::Topology& t) {
  const auto last = klamm::table<Wide>("last").fold([](Wide& now, const std::string&) { ++now.x; });
  t.stream(words).group_by_key().aggregate(last).upserts().for_each([](const Wide&) {});
}
