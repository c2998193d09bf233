// expect: table\.suppress\(until\): what is held back has a changelog
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.table(words).map([](const std::string&) { return Plain{}; }).suppress(klamm::until_time_limit(klamm::Duration{5}));
}
