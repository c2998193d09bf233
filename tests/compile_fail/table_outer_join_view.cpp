// expect: table.outer_join\(table, f\): f must return a default-constructible value that owns
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  const auto names = t.table(words);
  names.outer_join(names, [](const std::string* a, const std::string*) { return std::string_view{*a}; }).to(views);
}
