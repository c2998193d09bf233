// expect: store<Key, Value>\(name\): key and value are kept in slots: default-constructible
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) { static_cast<void>(t.store<std::string, NoDefault>("rows")); }
