// expect: to\(topics, f\): f must be const-callable
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).to({words, words}, [](const std::string&) { return 1; });
}
