// expect: group_by_key\(\): tables keep keys in serialised form
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).select_key([](const std::string&) { return Plain{}; }).group_by_key().count("n").to(numbers);
}
