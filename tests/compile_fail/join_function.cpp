// expect: join\(table, f\): f must be const-callable
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  const auto table = t.table(numbers);
  t.stream(words).join(table, [](const std::string& w) { return w; }).to(words);
}
