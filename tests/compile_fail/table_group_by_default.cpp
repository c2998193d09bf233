// expect: table.group_by\(f\): key and value are kept in slots
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.table(words).group_by([](const std::string&) { return NoDefault{1}; }).count("n").to(numbers);
}
