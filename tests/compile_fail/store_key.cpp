// expect: store<Key, Value>\(name\): a row has a key and a value: neither NoKey nor std::optional
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) { static_cast<void>(t.store<klamm::NoKey, std::int64_t>("rows")); }
