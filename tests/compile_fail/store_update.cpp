// expect: store\.update\(key, f\): f must be callable as f\(Value&\) and return nothing or klamm::Entry
#include "klamm/klamm.hpp"

#include "types.hpp"

struct Adds {
  using Context = klamm::Context<>;
  klamm::KeyValueStore<std::string, std::int64_t>& rows;
  Context& context;
  void process(const klamm::Record<std::string, const std::string>& record) {
    rows.update(record.key, [](std::int64_t& n) { return n + 1; });
  }
};

void pipeline(klamm::Topology& t) { t.stream(words).process<Adds>(t.store<std::string, std::int64_t>("rows")); }
