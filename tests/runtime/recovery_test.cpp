// What a start, a move or a loss finds: stores of another changelog, changelogs that lost records, workers with nothing to do.
#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "graph/graph.hpp"
#include "klamm/klamm.hpp"
#include "log/embedded.hpp"
#include "ports/clock.hpp"
#include "ports/executor.hpp"
#include "runtime/engine.hpp"

namespace {

using klamm::Code;
using klamm::Status;
using klamm::runtime::Engine;

const klamm::Topic<std::string, std::int64_t> in{"in"};

klamm::Topology counted() {
  klamm::Topology topology{"recovery"};
  topology.stream(in).group_by_key().count("n");
  return topology;
}

/// One log, and engines on it one after the other or side by side.
struct World {
  explicit World(klamm::log::MemoryOptions options = {}) : log{klamm::log::memory_log(options)} {}

  std::unique_ptr<Engine> engine(klamm::log::Log& on, std::uint64_t seed, int workers = 1, int partitions = 1,
                                 klamm::runtime::KeptStores kept = {}) {
    auto made =
        std::make_unique<Engine>(topology.graph(), "recovery", klamm::runtime::Settings{.seed = seed}, on, clock, *background, logger);
    made->keep(std::move(kept));
    started = made->start(workers, partitions);
    return made;
  }
  void send(const std::string& key, klamm::log::Partition partition = 0) {
    auto inlet = *log->inlet("in", "");
    klamm::Bytes key_bytes, value;
    klamm::serde<std::string>::encode(key, key_bytes);
    klamm::serde<std::int64_t>::encode(1, value);
    REQUIRE(inlet->send(partition, key_bytes, value, klamm::Timestamp{now += 10}, {}, {}).ok());
  }
  static std::map<std::string, int> table(Engine& of) {
    std::map<std::string, int> rows;
    REQUIRE(of.visit([&](klamm::detail::Task::Impl& task) {
                static_cast<void>(task.find_store("n")->for_each(
                    klamm::detail::Contents::committed, [&](klamm::BytesView key, klamm::BytesView value, klamm::Timestamp) {
                      rows[{reinterpret_cast<const char*>(key.data()), key.size()}] = static_cast<int>(value.back());
                    }));
              }).ok());
    return rows;
  }
  static std::map<klamm::log::Partition, int> workers(Engine& of) {
    std::map<klamm::log::Partition, int> found;
    for (const auto& task : of.figures()) {
      if (!task->closed) found[task->partition] = task->worker;
    }
    return found;
  }

  klamm::ports::ManualClock clock{klamm::Timestamp{1'000}};
  klamm::runtime::Logger logger{klamm::LogSink{}, clock};
  std::unique_ptr<klamm::ports::Executor> background = klamm::ports::inline_executor();
  klamm::Topology topology = counted();
  std::unique_ptr<klamm::log::Log> log;
  Status started;
  std::int64_t now = 0;
};

using Rows = std::map<std::string, int>;

}  // namespace

TEST_CASE("a store that was kept over a reset belongs to another changelog, and is not used") {
  World world;
  auto first = world.engine(*world.log, 1);
  for (int i = 0; i < 5; ++i) world.send("old");
  REQUIRE(first->settle(true).ok());
  auto kept = first->crash();
  first.reset();

  const std::string internal[] = {"recovery-n-changelog"};
  REQUIRE(world.log->reset("recovery", internal).ok());
  REQUIRE(world.log->purge({"in", 0}, 5).ok());
  auto second = world.engine(*world.log, 2);
  // The new changelog is longer than what the old store is as of, so that offsets tell nothing.
  for (int i = 0; i < 9; ++i) {
    world.send("new" + std::to_string(i));
    REQUIRE(second->settle(true).ok());
  }
  second->crash();
  second.reset();

  auto third = world.engine(*world.log, 3, 1, 1, std::move(kept));
  REQUIRE(third->settle(true).ok());
  const Rows rows = World::table(*third);
  CHECK(rows.size() == 9);
  CHECK_FALSE(rows.contains("old"));
}

TEST_CASE("a changelog that lost records is an error that says what is missing, not a table with holes") {
  World world;
  auto first = world.engine(*world.log, 1);
  for (int i = 0; i < 5; ++i) world.send("a" + std::to_string(i));
  REQUIRE(first->settle(true).ok());
  auto kept = first->crash();
  first.reset();
  const std::string changelog[] = {"recovery-n-changelog"};
  REQUIRE(world.log->remove(changelog).ok());
  for (const bool with_store : {false, true}) {
    auto second = world.engine(*world.log, 2, 1, 1, with_store ? std::move(kept) : klamm::runtime::KeptStores{});
    REQUIRE(world.started.ok());
    const Status status = second->settle(true);
    CHECK(status.code() == Code::data_loss);
    CHECK(status.message().find("recovery-n-changelog-0: ends at offset 0, the last commit wrote up to 5: records were lost") !=
          std::string::npos);
  }
}

TEST_CASE("a worker with nothing to do gets a task from one that has two at work") {
  World world;
  auto engine = world.engine(*world.log, 1, 2, 4);
  REQUIRE(engine->settle(true).ok());
  const auto before = World::workers(*engine);
  REQUIRE(before.at(0) == before.at(2));
  REQUIRE(before.at(0) != before.at(1));
  for (int i = 0; i < 30; ++i) {
    world.send("a", 0);
    world.send("b", 2);
    REQUIRE(engine->step().ok());
    world.clock.advance(klamm::Duration{150});
  }
  const auto after = World::workers(*engine);
  CHECK(after.at(0) != after.at(2));
  REQUIRE(engine->settle(true).ok());
  CHECK(World::table(*engine) == Rows{{"a", 30}, {"b", 30}});
}

TEST_CASE("stream time comes back with the task, without a new record") {
  World world;
  auto first = world.engine(*world.log, 1);
  for (int i = 0; i < 5; ++i) world.send("a");
  REQUIRE(first->settle(true).ok());
  first->crash();
  first.reset();
  auto second = world.engine(*world.log, 2);
  REQUIRE(second->settle(true).ok());
  REQUIRE(second->visit([](klamm::detail::Task::Impl& task) { CHECK(task.task().stream_time == klamm::Timestamp{50}); }).ok());
}

TEST_CASE("a partition that comes back replays only what others have done meanwhile, and the others are not disturbed") {
  World world;
  klamm::log::MemoryOptions options;
  options.clock = &world.clock;
  world.log = klamm::log::memory_log(options);
  const auto client_a = klamm::log::memory_client(*world.log), client_b = klamm::log::memory_client(*world.log);
  auto a = world.engine(*client_a, 1, 1, 2);
  for (int i = 0; i < 100; ++i) world.send("x" + std::to_string(i), 1), world.send("y", 0);
  REQUIRE(a->settle(true).ok());
  REQUIRE(World::workers(*a).size() == 2);

  auto b = world.engine(*client_b, 2, 1, 2);
  const auto both = [&] {
    for (int i = 0; i < 20; ++i) {
      world.clock.advance(klamm::Duration{50});
      REQUIRE(a->settle(true).ok());
      if (b != nullptr) REQUIRE(b->settle(true).ok());
    }
  };
  both();
  REQUIRE(World::workers(*a).size() == 1);
  REQUIRE(World::workers(*b).size() == 1);
  const klamm::log::Partition moved = World::workers(*b).begin()->first;
  for (int i = 0; i < 7; ++i) world.send("z" + std::to_string(i), moved);
  both();
  CHECK(a->figures().front()->processed > 0);  // of the task that went

  b->request_stop();
  while (!b->finished()) REQUIRE(b->step().ok());
  b.reset();
  both();
  REQUIRE(World::workers(*a).size() == 2);
  std::int64_t processed = 0;
  for (const auto& task : a->figures()) {
    processed += task->processed;
    if (!task->closed && task->partition == moved) CHECK(task->restored == 7);
    if (!task->closed && task->partition != moved) CHECK(task->restored == 0);
  }
  CHECK(processed == 200);
  CHECK(World::table(*a).size() == 108);
}

TEST_CASE("while a task restores, another of the same worker goes on") {
  World world;
  auto first = world.engine(*world.log, 1, 1, 2);
  constexpr int rows = 20'000;
  {
    auto inlet = *world.log->inlet("in", "");
    for (int i = 0; i < rows; ++i) {
      klamm::Bytes key, value;
      klamm::serde<std::string>::encode("k" + std::to_string(i), key);
      klamm::serde<std::int64_t>::encode(1, value);
      REQUIRE(inlet->send(0, key, value, klamm::Timestamp{i + 1}, {}, {}).ok());
    }
  }
  REQUIRE(first->settle(true).ok());
  first->crash();
  first.reset();

  auto second = world.engine(*world.log, 1, 1, 2);
  for (int i = 0; i < 10; ++i) world.send("other", 1);
  bool went_on = false;
  for (bool restoring = true; restoring;) {
    REQUIRE(second->step().ok());
    restoring = false;
    std::int64_t processed = 0;
    for (const auto& task : second->figures()) {
      restoring = restoring || (!task->closed && task->partition == 0 && task->restoring);
      if (!task->closed && task->partition == 1) processed = task->processed;
    }
    went_on = went_on || (restoring && processed == 10);
  }
  CHECK(went_on);
  REQUIRE(second->settle(true).ok());
  CHECK(World::table(*second).size() == rows + 1);
}
