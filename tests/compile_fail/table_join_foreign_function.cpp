// expect: table.join\(table, foreign_key, f\): f must be const-callable
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  const auto names = t.table(words);
  names
      .join(
          names, [](const std::string& v) { return v; }, [](const std::string& a) { return a; })
      .to(words);
}
