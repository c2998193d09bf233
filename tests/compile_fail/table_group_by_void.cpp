// expect: table.group_by\(f\): f must return the new key
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.table(words).group_by([](const std::string&) {}).count("n").to(numbers);
}
