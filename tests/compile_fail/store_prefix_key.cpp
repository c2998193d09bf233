// expect: store\.prefix\(key, f\): only keys of std::string or klamm::Bytes have prefixes
#include "klamm/klamm.hpp"

#include "types.hpp"

struct Prefixes {
  using Context = klamm::Context<>;
  klamm::KeyValueStore<std::int64_t, std::int64_t>& rows;
  Context& context;
  void process(const klamm::Record<std::string, const std::string>&) {
    rows.prefix(1, [](std::int64_t, std::int64_t) {});
  }
};

void pipeline(klamm::Topology& t) { t.stream(words).process<Prefixes>(t.store<std::int64_t, std::int64_t>("rows")); }
