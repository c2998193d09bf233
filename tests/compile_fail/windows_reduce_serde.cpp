// expect: windows\.reduce\(name, f\): the table has a changelog
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words)
      .map([](const std::string&) { return Plain{}; })
      .group_by_key()
      .windowed_by(klamm::tumbling(klamm::Duration{10}).no_grace())
      .reduce("n", [](const Plain& a, const Plain&) { return a; });
}
