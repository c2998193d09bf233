// expect: table\.suppress\(until_window_closes\(limit\)\): a result that came early
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words)
      .group_by_key()
      .windowed_by(klamm::tumbling(klamm::Duration{10}).no_grace())
      .count("n")
      .suppress(klamm::until_window_closes(klamm::max_records(3).emit_early()));
}
