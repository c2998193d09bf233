// expect: table.join\(table, f\): f must be const-callable with \(value, other value\)
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  const auto names = t.table(words);
  names.join(names, [](const std::string& a) { return a; }).to(words);
}
