// expect: process\(stores\.\.\.\): what P forwards is kept in slots
#include "klamm/klamm.hpp"

#include "types.hpp"

struct Forwards {
  using Context = klamm::Context<std::string, NoDefault>;
  Context& context;
  void process(const klamm::Record<std::string, const std::string>&) {}
};

void pipeline(klamm::Topology& t) {
  t.stream(words).process<Forwards>().for_each([](const NoDefault&) {});
}
