// expect: with_timestamp\(f\): f is shared by all tasks
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).with_timestamp([n = 0](const std::string&) mutable { return ++n; }).to(words);
}
