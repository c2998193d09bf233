// Standbys: where they sit, and what is left to replay when their time comes.
#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "graph/graph.hpp"
#include "klamm/klamm.hpp"
#include "log/embedded.hpp"
#include "log/partitioner.hpp"
#include "ports/clock.hpp"
#include "ports/executor.hpp"
#include "runtime/engine.hpp"
#include "runtime/succession.hpp"
#include "support/temporary_directory.hpp"

namespace {

using klamm::Duration;
using klamm::log::TopicPartition;
using klamm::runtime::Engine;
using klamm::runtime::successors;

const klamm::Topic<std::string, std::int64_t> in{"in"};
const klamm::Topic<std::string, std::int64_t> names{"names"};
constexpr klamm::log::Partition partitions = 6;

/// A table with a changelog of its own, and one that is restored from its topic.
klamm::Topology counted() {
  klamm::Topology topology{"standby"};
  auto values = topology.stream(in);
  values.group_by_key().count("n");
  values.left_join(topology.table(names, "names"), [](std::int64_t v, const std::int64_t*) { return v; }).for_each([](std::int64_t) {});
  return topology;
}

/// Instances on one log, stepped in turn, each with a disk of its own.
class World {
 public:
  enum class Disks : bool { memory, files };
  World(Disks disks, int replicas) : disks_{disks}, replicas_{replicas} {
    const klamm::log::TopicState topics[] = {{"in", partitions, klamm::log::Cleanup::keep},
                                             {"names", partitions, klamm::log::Cleanup::keep}};
    REQUIRE(log_->create(topics).ok());
    in_ = *log_->inlet("in", "");
    names_ = *log_->inlet("names", "");
  }

  void start() {
    Instance& one = *instances_.emplace_back(std::make_unique<Instance>());
    one.client = klamm::log::memory_client(*log_);
    klamm::runtime::Settings settings;
    settings.commit_interval = Duration{20};
    settings.standby_replicas = replicas_;
    settings.seed = instances_.size();
    settings.memory_bytes = std::size_t{16} << 20;
    if (disks_ == Disks::files) settings.state_dir = directory_.path() + '/' + std::to_string(instances_.size());
    one.engine = std::make_unique<Engine>(topology_.graph(), "standby", settings, *one.client, clock_, *background_, logger_);
    REQUIRE(one.engine->start(1, partitions).ok());
    step(5'000);
  }
  /// The process is gone at once, its disk too, and its session ends.
  void kill(std::size_t i) {
    static_cast<void>(instances_[i]->engine->crash());
    instances_[i]->engine.reset();
  }
  void send(int count) {
    for (int i = 0; i < count; ++i, ++sent_) {
      const std::string key = "key-" + std::to_string(sent_ % 500);
      klamm::Bytes key_bytes, value;
      klamm::serde<std::string>::encode(key, key_bytes);
      klamm::serde<std::int64_t>::encode(sent_, value);
      const auto partition = klamm::log::partition_of(key_bytes, partitions);
      for (const auto& inlet : {in_.get(), names_.get()})
        REQUIRE(inlet->send(partition, key_bytes, value, klamm::Timestamp{sent_}, {}, {}).ok());
    }
  }
  void step(int milliseconds) {
    for (int at = 0; at < milliseconds; at += 50) {
      clock_.advance(Duration{50});
      for (bool worked = true; worked;) {
        worked = false;
        for (const auto& instance : instances_) {
          if (instance->engine == nullptr) continue;
          const auto stepped = instance->engine->step();
          REQUIRE_MESSAGE(stepped.ok(), stepped.status().message());
          worked = worked || *stepped;
        }
      }
    }
  }
  /// All counts, by key, over all instances.
  std::map<std::string, std::int64_t> counts() {
    std::map<std::string, std::int64_t> rows;
    for (const auto& instance : instances_) {
      if (instance->engine == nullptr) continue;
      REQUIRE(instance->engine
                  ->visit([&](klamm::detail::Task::Impl& task) {
                    auto* store = task.find_store("n");
                    if (store == nullptr) return;
                    REQUIRE(store
                                ->for_each(klamm::detail::Contents::committed,
                                           [&](klamm::BytesView key, klamm::BytesView value, klamm::Timestamp) {
                                             std::int64_t count = 0;
                                             REQUIRE(klamm::serde<std::int64_t>::decode(value, count).ok());
                                             rows[{reinterpret_cast<const char*>(key.data()), key.size()}] += count;
                                           })
                                .ok());
                  })
                  .ok());
    }
    return rows;
  }
  [[nodiscard]] std::int64_t counted() {
    std::int64_t sum = 0;
    for (const auto& [key, count] : counts()) sum += count;
    return sum;
  }
  Engine& engine(std::size_t i) { return *instances_[i]->engine; }
  [[nodiscard]] std::int64_t sent() const { return sent_; }
  /// What the tasks that an instance has now have replayed.
  std::map<klamm::log::Partition, std::int64_t> replayed(std::size_t i) {
    std::map<klamm::log::Partition, std::int64_t> found;
    for (const auto& task : engine(i).figures()) {
      if (!task->closed) found[task->partition] = task->restored;
    }
    return found;
  }
  std::vector<std::string> lines;

 private:
  struct Instance {
    std::unique_ptr<klamm::log::Log> client;
    std::unique_ptr<Engine> engine;
  };
  static klamm::log::MemoryOptions options(klamm::ports::Clock& clock) {
    klamm::log::MemoryOptions options;
    options.clock = &clock;
    options.session = Duration{1'000};
    options.compact_at_least = 1'000'000;  // so that a replay from the beginning is seen
    return options;
  }

  const Disks disks_;
  const int replicas_;
  const klamm::testing::TemporaryDirectory directory_;
  klamm::ports::ManualClock clock_{klamm::Timestamp{1'000'000}};
  klamm::runtime::Logger logger_{
      [this](klamm::Level, std::string_view, std::string_view message, std::span<const klamm::Field>) { lines.emplace_back(message); },
      clock_};
  std::unique_ptr<klamm::ports::Executor> background_ = klamm::ports::inline_executor();
  const klamm::Topology topology_ = ::counted();
  std::unique_ptr<klamm::log::Log> log_ = klamm::log::memory_log(options(clock_));
  std::unique_ptr<klamm::log::Inlet> in_, names_;
  std::vector<std::unique_ptr<Instance>> instances_;
  std::int64_t sent_ = 0;
};

std::vector<TopicPartition> of(const std::string& topic, std::initializer_list<klamm::log::Partition> numbers) {
  std::vector<TopicPartition> all;
  for (const auto p : numbers) all.push_back({topic, p});
  return all;
}

}  // namespace

TEST_CASE("orphans go from the last to the member with the fewest partitions, of these to the first by its id") {
  using Ids = std::vector<std::string>;
  const auto next =
      successors({{{"c", false, of("t", {0, 1, 2})}, {"a", true, of("t", {3, 4, 5})}, {"b", false, of("t", {6, 7})}, {"d", false, {}}}}, 2);
  CHECK(next.size() == 8);
  // c's three: d has none, takes 2 and 1 and is level with b then, which is the first of the two. Without d all have three.
  CHECK(next.at({"t", 2}) == Ids{"d", "a"});
  CHECK(next.at({"t", 1}).front() == "d");
  CHECK(next.at({"t", 0}).front() == "b");
  CHECK(next.at({"t", 7}).front() == "d");
  CHECK(successors({{{"a", true, of("t", {0})}}}, 2).empty());
  CHECK(successors({}, 1).empty());
  // The order of topics is the group's.
  std::vector<TopicPartition> both = of("t", {0});
  both.push_back({"u", 0});
  CHECK(successors({{{"a", true, both}, {"b", false, {}}, {"c", false, {}}}}, 1).at({"u", 0}).front() == "b");
  CHECK(successors({{{"a", true, both}, {"b", false, {}}, {"c", false, {}}}, {"u", "t"}}, 1).at({"u", 0}).front() == "c");
}

TEST_CASE("a member that dies is followed by those who have its stores: they replay only what is new") {
  for (const auto disks : {World::Disks::memory, World::Disks::files}) {
    World world{disks, 1};
    for (int i = 0; i < 3; ++i) world.start();
    world.send(30'000);
    world.step(3'000);
    REQUIRE(world.counted() == world.sent());
    std::size_t standbys = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      for (const auto& figures : world.engine(i).standbys()->figures()) {
        ++standbys;
        CHECK(figures.lag == 0);
        CHECK(figures.rows > 0);
      }
    }
    CHECK(standbys == 2 * partitions);  // two tables
    const auto before = world.replayed(1);
    world.send(60);
    world.step(100);  // standbys look once a second
    world.kill(0);
    world.step(2'000);
    std::int64_t moved = 0, replayed = 0;
    for (const std::size_t i : {std::size_t{1}, std::size_t{2}}) {
      CHECK(world.engine(i).standbys()->misses() == 0);
      moved += world.engine(i).standbys()->hits();
      for (const auto& [partition, count] : world.replayed(i)) replayed += i == 1 && before.contains(partition) ? 0 : count;
    }
    CHECK(moved >= 2 * partitions / 3);
    std::int64_t had = 0;
    for (const std::size_t i : {std::size_t{1}, std::size_t{2}}) {
      for (const auto& task : world.engine(i).figures()) had += !task->closed && task->had_standby ? 1 : 0;
    }
    CHECK(2 * had >= moved);  // a task has two stores at most
    CHECK(replayed <= 300);
    CHECK(world.counted() == world.sent());
    // And again, with the last one alone.
    world.send(600);
    world.step(8'000);
    world.kill(1);
    world.step(2'000);
    CHECK(world.engine(2).standbys()->misses() == 0);
    CHECK(world.counted() == world.sent());
  }
}
