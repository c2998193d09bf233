// expect: table.left_join\(table, f\): f must be const-callable with \(value, const OtherValue\*\)
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  const auto names = t.table(words);
  names.left_join(names, [](const std::string& a) { return a; }).to(words);
}
