// expect: store\.prefix\(key, f\): f must be callable as f\(const Key&, const Value&\) or with a Timestamp behind them
#include "klamm/klamm.hpp"

#include "types.hpp"

struct Prefixes {
  using Context = klamm::Context<>;
  klamm::KeyValueStore<std::string, std::int64_t>& rows;
  Context& context;
  void process(const klamm::Record<std::string, const std::string>&) {
    rows.prefix("a", [](const std::string&) {});
  }
};

void pipeline(klamm::Topology& t) { t.stream(words).process<Prefixes>(t.store<std::string, std::int64_t>("rows")); }
