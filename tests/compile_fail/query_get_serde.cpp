// expect: query.get\(key\): the key
#include "klamm/klamm.hpp"

#include "types.hpp"

void ask(klamm::App& app) {
  if (!app.query<std::int64_t>("n").get(Plain{}).ok()) return;
}
