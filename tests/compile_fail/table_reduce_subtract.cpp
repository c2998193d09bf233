// expect: reduce\(name, add, subtract\): subtract must be
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  const auto add = [](const std::string& a, const std::string& b) { return a + b; };
  t.table(words).group_by(&std::string::size).reduce("n", add, [](int) { return 1; }).to(words);
}
