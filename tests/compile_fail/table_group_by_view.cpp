// expect: table.group_by\(f\): key and value outlive
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.table(words).group_by([](const std::string& w) { return std::string_view{w}; }).count("n").to(numbers);
}
