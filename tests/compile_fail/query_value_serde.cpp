// expect: app.query<Value>\(store\): the value
#include "klamm/klamm.hpp"

#include "types.hpp"

void ask(klamm::App& app) { static_cast<void>(app.query<Plain>("n")); }
