// expect: process\(stores\.\.\., with\(\.\.\.\)\): P\{stores\.\.\., context, \.\.\.\} must be valid
#include "klamm/klamm.hpp"

#include "types.hpp"

/// Wants a store of numbers.
struct Counts {
  using Context = klamm::Context<std::string, std::string>;
  klamm::KeyValueStore<std::string, std::int64_t>& rows;
  Context& context;
  void process(const klamm::Record<std::string, const std::string>&) {}
};

void pipeline(klamm::Topology& t) {
  const auto rows = t.store<std::string, std::string>("rows");
  t.stream(words).process<Counts>(rows).to(words);
}
