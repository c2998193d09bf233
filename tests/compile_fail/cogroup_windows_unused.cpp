// expect: cogroup\.aggregate\(table\): the functions are cogroup's
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  const auto add = [](int& n, const std::string&) { ++n; };
  t.stream(words)
      .group_by_key()
      .cogroup(add)
      .windowed_by(klamm::tumbling(klamm::Duration{10}).no_grace())
      .aggregate(klamm::table<int>("n").fold(add))
      .upserts();
}
