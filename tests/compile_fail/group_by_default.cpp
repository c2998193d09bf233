// expect: group_by\(f\): the key is kept in slots
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).group_by([](const std::string&) { return NoDefault{1}; }).count("n").to(numbers);
}
