// expect: left_join\(table, f\): f must be const-callable
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  const auto table = t.table(numbers);
  t.stream(words).left_join(table, [](const std::string& w) { return w; }).to(words);
}
