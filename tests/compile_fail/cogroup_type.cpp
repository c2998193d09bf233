// expect: cogroup\.aggregate\(table\): the table's type must own what it holds
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).group_by_key().cogroup([](Plain&, const std::string&) {}).aggregate(klamm::table<Plain>("n"));
}
