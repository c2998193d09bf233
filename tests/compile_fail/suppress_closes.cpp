// expect: table\.suppress\(until_window_closes\(\)\): only the windows of windowed tables close
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) { t.stream(words).group_by_key().count("n").suppress(klamm::until_window_closes()).to(numbers); }
