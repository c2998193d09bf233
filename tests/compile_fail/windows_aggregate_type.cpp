// expect: windows\.aggregate\(table\): the table's type must own what it holds
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words)
      .group_by_key()
      .windowed_by(klamm::tumbling(klamm::Duration{10}).no_grace())
      .aggregate(klamm::table<Plain>("n").fold([](Plain&, const std::string&) {}));
}
