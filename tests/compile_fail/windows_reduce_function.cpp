// expect: windows\.reduce\(name, f\): f must be const-callable
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words)
      .group_by_key()
      .windowed_by(klamm::tumbling(klamm::Duration{10}).no_grace())
      .reduce("n", [](int) { return 1; })
      .suppress(1);
}
