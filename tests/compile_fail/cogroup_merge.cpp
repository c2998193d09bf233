// expect: cogroup\.aggregate\(table\): sessions that come together
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words)
      .group_by_key()
      .cogroup([](int& n, const std::string&) { ++n; })
      .windowed_by(klamm::session(klamm::Duration{10}).no_grace())
      .aggregate(klamm::table<int>("n"));
}
