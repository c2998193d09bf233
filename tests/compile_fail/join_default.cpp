// expect: join\(table, f\): what f returns is kept in slots
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  const auto table = t.table(numbers);
  t.stream(words).join(table, [](const std::string&, std::int64_t) { return NoDefault{1}; }).for_each([](const NoDefault&) {});
}
