// expect: aggregate\(table\): only sessions are merged
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  const auto add = [](int& n, const std::string&) { ++n; };
  const auto total = klamm::table<int>("total").fold(add).unfold(add).merge([](int& n, const int& m) { n += m; });
  t.table(words).group_by([](const std::string& w) { return w; }).aggregate(total).to(numbers);
}
