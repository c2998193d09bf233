// A store of structs for run.py: says "ready" when its rows are in the file, and runs until its input ends.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <thread>

#include "klamm/app.hpp"
#include "klamm/klamm.hpp"

using namespace std::chrono_literals;

namespace {

enum class Level : std::uint8_t { low, high };
struct Key {
  std::int32_t shop = 0;
  std::string user;
};
struct Totals {
  double sum = 0;
  std::optional<std::string> note;
  std::vector<std::int64_t> amounts;
  Level level = Level::low;
  std::pair<bool, std::array<std::uint16_t, 2>> odd;
};

void add(Totals& totals, std::int64_t amount) {
  totals.sum += 0.5 * static_cast<double>(amount);
  totals.amounts.push_back(amount);
  if (amount > 10) totals.note = "a \"large\" one";
  totals.level = amount > 10 ? Level::high : Level::low;
  totals.odd = {amount % 2 != 0, {static_cast<std::uint16_t>(amount), 7}};
}

}  // namespace

int main(int, char** argv) {
  const klamm::Topic<Key, std::int64_t> amounts{"amounts"};
  klamm::Topology topology{"orders"};
  topology.stream(amounts).group_by_key().aggregate(klamm::table<Totals>("totals").fold(add));
  klamm::App app{topology, {.log = klamm::embedded(argv[1]), .partitions = 1, .checkpoint_interval = 20ms}};
  if (!app.start().ok()) return 1;
  const auto producer = app.producer(amounts);
  for (const std::int64_t amount : {3, 20}) {
    if (!producer.send({7, "ann"}, amount).ok()) return 1;
  }
  if (!producer.send({8, "bob"}, -1).ok()) return 1;
  if (const auto drained = app.drain(20s); !drained.ok() || !*drained) return 1;
  std::this_thread::sleep_for(1s);  // a checkpoint
  std::puts("ready");
  std::fflush(stdout);
  for (char c = 0; ::read(0, &c, 1) > 0;) {
  }
  return app.stop(10s).ok() ? 0 : 1;
}
