// expect: windowed_by\(windows\): windows must be made by tumbling
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) { t.stream(words).group_by_key().windowed_by(5).count("n").to(numbers); }
