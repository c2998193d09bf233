// expect: table.left_join\(table, f\): both tables must have the same key type
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.table(words).left_join(t.table(by_number), [](const std::string&, const std::int64_t&) { return 1; }).to(numbers);
}
