// expect: process<P>\(stores\.\.\.\): P must say what it forwards
#include "klamm/klamm.hpp"

#include "types.hpp"

struct Nameless {
  void process(const klamm::Record<std::string, const std::string>&) {}
};

void pipeline(klamm::Topology& t) { t.stream(words).process<Nameless>().to(words); }
