// expect: process\(stores\.\.\.\): P must have void process\(const klamm::Record<Key, const Value>&\)
#include "klamm/klamm.hpp"

#include "types.hpp"

struct OfWords {
  using Context = klamm::Context<std::string, std::string>;
  Context& context;
  void process(const klamm::Record<std::string, const std::string>&) {}
};

void pipeline(klamm::Topology& t) { t.stream(numbers).process<OfWords>().to(words); }
