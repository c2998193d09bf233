// expect: group_by\(f\): the value goes through a repartition topic
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).map([](const std::string&) { return Plain{}; }).group_by([](const Plain& p) { return p.x; }).count("n").to(numbers);
}
