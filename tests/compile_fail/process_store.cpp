// expect: process\(stores\.\.\.\): each must be what topology\.store<Key, Value>\(name\) has made
#include "klamm/klamm.hpp"

#include "types.hpp"

struct Looks {
  using Context = klamm::Context<std::string, std::string>;
  klamm::KeyValueStore<std::string, std::int64_t>& rows;
  Context& context;
  void process(const klamm::Record<std::string, const std::string>&) {}
};

void pipeline(klamm::Topology& t) {
  const auto table = t.table(numbers);
  t.stream(words).process<Looks>(table).to(words);
}
