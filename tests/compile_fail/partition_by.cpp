// expect: Topic::partition_by\(f\): f must be const-callable
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).to(words.partition_by([](const std::string& w) { return w.size(); }));
}
