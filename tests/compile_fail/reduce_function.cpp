// expect: reduce\(name, f\): f must be const-callable
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).group_by_key().reduce("last", [](const std::string& w) { return w; }).to(words);
}
