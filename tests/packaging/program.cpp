// A program that has met klamm only as an installed library: two applications at once, each with its own counts.
#include <cstdio>
#include <string>

#include "klamm/klamm.hpp"

inline const klamm::Topic<klamm::NoKey, std::string> words{"words"};

static klamm::Topology count(const char* name) {
  klamm::Topology topology{name};
  topology.stream(words).group_by([](const std::string& word) { return word; }).count("counts");
  return topology;
}

static bool counts(klamm::App& app, const std::string& word, std::int64_t expected) {
  if (const auto drained = app.drain(klamm::Duration{20'000}); !drained.ok() || !*drained) return false;
  const auto found = app.query<std::int64_t>("counts").get(word);
  return found.ok() && *found == expected;
}

int main() {
  const klamm::Topology one = count("one"), two = count("two");
  klamm::App first{one, {.log = klamm::in_memory()}}, second{two, {.log = klamm::in_memory(), .threads = 2}};
  if (!first.start().ok() || !second.start().ok()) return 1;
  auto to_first = first.producer(words), to_second = second.producer(words);
  for (int i = 0; i < 1000; ++i) {
    if (!to_first.send({}, "a").ok()) return 1;
    if (i % 2 == 0 && !to_second.send({}, "a").ok()) return 1;
  }
  if (!counts(first, "a", 1000)) return 1;
  if (!first.stop(klamm::Duration{10'000}).ok()) return 1;  // the other goes on
  if (!to_second.send({}, "a").ok() || !counts(second, "a", 501)) return 1;
  std::printf("klamm %s\n", klamm::version());
  return 0;
}
