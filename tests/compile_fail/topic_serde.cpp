// expect: Topic::serde\(keys, values\): each must have
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) { t.stream(words.serde(Plain{}, Plain{})).to(words); }
