// expect: table.join\(table, foreign_key, f\): foreign_key must be const-callable
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  const auto names = t.table(words);
  names
      .join(
          names, [](const std::string& v) { return v.size(); }, [](const std::string& a, const std::string&) { return a; })
      .to(words);
}
