// expect: query.all<Key>\(\): the key
#include "klamm/klamm.hpp"

#include "types.hpp"

void ask(klamm::App& app) {
  if (!app.query<std::int64_t>("n").all<Plain>().ok()) return;
}
