// expect: join\(table, f\): the keys of this stream mean nothing
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  const auto table = t.table(numbers);
  t.stream(lines).join(table, [](const std::string& w, std::int64_t) { return w; }).to(lines);
}
