// expect: aggregate\(table\): records leave no group
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  const auto total =
      klamm::table<int>("total").fold([](int& n, const std::string&) { ++n; }).unfold([](int& n, const std::string&) { --n; });
  t.stream(words).group_by_key().aggregate(total).to(numbers);
}
