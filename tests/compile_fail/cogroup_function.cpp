// expect: cogroup\.aggregate\(table\): each function given to cogroup
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).group_by_key().cogroup([](int&, int) {}).aggregate(klamm::table<int>("n"));
}
