// expect: with_header\(name, f\): f is shared by all tasks
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).with_header("n", [n = 0](const std::string&) mutable { return ++n; }).to(words);
}
