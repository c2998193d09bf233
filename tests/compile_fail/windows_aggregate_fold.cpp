// expect: windows\.aggregate\(table\): the table's fold must be const-callable
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words)
      .group_by_key()
      .windowed_by(klamm::tumbling(klamm::Duration{10}).no_grace())
      .aggregate(klamm::table<int>("n").fold([](int&, int) {}));
}
