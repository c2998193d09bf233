// expect: reduce\(name, add, subtract\): add must be
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.table(words)
      .group_by(&std::string::size)
      .reduce(
          "n", [](int) { return 1; }, [](int) { return 1; })
      .to(words);
}
