// expect: table.map\(f\): f must return a default-constructible value that owns
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.table(words).map([](const std::string& w) { return std::string_view{w}; }).upserts().for_each([](std::string_view) {});
}
