// expect: table.left_join\(table, foreign_key, f\): what f returns is kept
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  const auto names = t.table(words);
  names
      .left_join(
          names, [](const std::string& v) { return v; }, [](const std::string&, const std::string*) { return NoDefault{1}; })
      .to(words);
}
