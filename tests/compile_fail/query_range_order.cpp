// expect: query.range\(from, to\): keys must sort
#include "klamm/klamm.hpp"

#include "types.hpp"

void ask(klamm::App& app) {
  auto rows = app.query<std::int64_t>("n").range(1.0, 2.0);
  if (!rows.ok()) return;
}
