// expect: store<Key, Value>\(name\): key and value outlive their record
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) { static_cast<void>(t.store<std::string, std::string_view>("rows")); }
