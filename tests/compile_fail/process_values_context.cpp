// expect: process_values<P>\(stores\.\.\.\): P must say what it forwards
#include "klamm/klamm.hpp"

#include "types.hpp"

struct Full {
  using Context = klamm::Context<std::string, std::string>;
  Context& context;
  void process(const klamm::Record<std::string, const std::string>&) {}
};

void pipeline(klamm::Topology& t) { t.stream(words).process_values<Full>().to(words); }
