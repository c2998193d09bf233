// expect: merge\(stream\): both streams must have the same value type
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) { t.stream(words).merge(t.stream(numbers)).to(words); }
