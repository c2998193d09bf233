// expect: table.group_by\(f\): key and value go through a repartition topic
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.table(words).group_by([](const std::string& w) { return klamm::KeyValue{w, Plain{}}; }).count("n").to(numbers);
}
