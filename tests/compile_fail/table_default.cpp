// expect: table<A>\(name\): the table
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  static_cast<void>(t);
  static_cast<void>(klamm::table<NoDefault>("last"));
}
