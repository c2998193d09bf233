// expect: table.filter\(f\): f must return bool
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.table(words).filter([](const std::string& w) { return w; }).to(words);
}
