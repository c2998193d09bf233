// expect: merge\(stream\): both streams must have the same key type
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) { t.stream(numbers).merge(t.stream(by_number)).to(numbers); }
