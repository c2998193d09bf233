// expect: reduce\(name, f\): the table has a changelog
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words)
      .map([](const std::string&) { return Plain{}; })
      .group_by_key()
      .reduce("last", [](const Plain&, const Plain& p) { return p; })
      .upserts()
      .for_each([](const Plain&) {});
}
