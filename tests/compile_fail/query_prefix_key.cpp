// expect: query.prefix\(start\): only keys
#include "klamm/klamm.hpp"

#include "types.hpp"

void ask(klamm::App& app) {
  if (!app.query<std::int64_t>("n").prefix(std::int64_t{1}).ok()) return;
}
