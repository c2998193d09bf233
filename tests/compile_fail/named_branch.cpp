// expect: filter\(f\): f must accept
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  auto named = t.stream(words).filter([](const std::string& w) { return !w.empty(); });
  named.filter([](int n) { return n > 0; }).to(words);
}
