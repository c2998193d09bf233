// expect: windows\.aggregate\(table\): records leave no window
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  const auto total = klamm::table<int>("total").fold([](int& n, const std::string&) { ++n; }).merge([](int& n, const int& m) { n += m; });
  t.stream(words).group_by_key().windowed_by(klamm::tumbling(klamm::Duration{10}).no_grace()).aggregate(total).upserts();
}
