// expect: group_by\(f\): the key goes through a repartition topic
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).group_by([](const std::string&) { return Plain{}; }).count("n").to(numbers);
}
