// expect: join\(table, f\): stream and table must have the same key type
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  const auto table = t.table(by_number);
  t.stream(words).join(table, [](const std::string& w, const std::int64_t&) { return w; }).to(words);
}
