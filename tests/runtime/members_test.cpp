// Members without partitions, and partitions that come later.
#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "graph/graph.hpp"
#include "klamm/klamm.hpp"
#include "log/embedded.hpp"
#include "log/forwarding_log.hpp"
#include "ports/clock.hpp"
#include "ports/executor.hpp"
#include "runtime/engine.hpp"

namespace {

using klamm::Code;
using klamm::runtime::Engine;

const klamm::Topic<std::string, std::int64_t> in{"in"};
const klamm::Topic<std::string, std::int64_t> out{"out"};

/// A log whose topic `in` seems to have fewer partitions than it has, until it has grown.
class GrowingLog final : public klamm::log::ForwardingLog {
 public:
  using ForwardingLog::ForwardingLog;
  bool grown = false;

  klamm::Result<std::optional<klamm::log::TopicState>> topic(const std::string& name) override {
    auto found = log_.topic(name);
    if (!grown && name == "in" && found.ok() && *found) --(*found)->partitions;
    return found;
  }
};

struct World {
  explicit World(klamm::log::Partition partitions) {
    const klamm::log::TopicState topics[] = {{"in", partitions}, {"out", 2}};
    REQUIRE(log->create(topics).ok());
  }
  std::unique_ptr<Engine> engine(const klamm::Topology& topology, klamm::log::Log& on) {
    auto made = std::make_unique<Engine>(topology.graph(), "members", klamm::runtime::Settings{.seed = 1}, on, clock, *background, logger);
    REQUIRE(made->start(1, 2).ok());
    return made;
  }
  void send(klamm::log::Partition partition) {
    klamm::Bytes key, value;
    klamm::serde<std::string>::encode("key", key);
    klamm::serde<std::int64_t>::encode(1, value);
    REQUIRE((*log->inlet("in", ""))->send(partition, key, value, klamm::Timestamp{1'000}, {}, {}).ok());
  }
  [[nodiscard]] auto said(const std::string& text) const {
    return std::count_if(lines.begin(), lines.end(), [&](const std::string& line) { return line.find(text) != std::string::npos; });
  }

  klamm::ports::ManualClock clock{klamm::Timestamp{1'000}};
  std::vector<std::string> lines;
  klamm::runtime::Logger logger{
      [this](klamm::Level, std::string_view, std::string_view message, std::span<const klamm::Field>) { lines.emplace_back(message); },
      clock};
  std::unique_ptr<klamm::ports::Executor> background = klamm::ports::inline_executor();
  std::unique_ptr<klamm::log::Log> log = [this] {
    klamm::log::MemoryOptions options;
    options.clock = &clock;
    return klamm::log::memory_log(options);
  }();
};

}  // namespace

TEST_CASE("a member without partitions says so once, with the counts, and takes over when another goes") {
  World world{1};
  klamm::Topology topology{"members"};
  topology.stream(in).group_by_key().count("n");
  const auto client_a = klamm::log::memory_client(*world.log), client_b = klamm::log::memory_client(*world.log);
  auto a = world.engine(topology, *client_a);
  auto b = world.engine(topology, *client_b);
  const auto both = [&](int rounds) {
    for (int i = 0; i < rounds; ++i) {
      world.clock.advance(klamm::Duration{100});
      if (a != nullptr) REQUIRE(a->settle(true).ok());
      REQUIRE(b->settle(true).ok());
    }
  };
  both(100);
  CHECK(world.said("idle, and ready to take over: there are 2 members for 1 partitions, and the others have them all") == 1);
  CHECK(b->failure().ok());
  world.send(0);
  a->request_stop();
  while (!a->finished()) REQUIRE(a->step().ok());
  a.reset();
  both(100);
  CHECK(b->drained() == true);
  const auto tasks = b->figures();
  CHECK(std::any_of(tasks.begin(), tasks.end(), [](const auto& task) { return !task->closed; }));
  CHECK(world.said("idle") == 1);
}

TEST_CASE("partitions that come later are taken by tasks without a state") {
  World world{3};
  klamm::Topology topology{"members"};
  topology.stream(in).filter([](std::int64_t) { return true; }).to(out);
  const auto client = klamm::log::memory_client(*world.log);
  GrowingLog growing{*client};
  auto engine = world.engine(topology, growing);
  REQUIRE(engine->settle(true).ok());
  growing.grown = true;
  for (klamm::log::Partition p = 0; p < 3; ++p) world.send(p);
  for (int i = 0; i < 2; ++i) {
    world.clock.advance(klamm::Duration{30'000});
    REQUIRE(engine->settle(true).ok());
  }
  CHECK(world.log->bounds({"out", 0})->end + world.log->bounds({"out", 1})->end == 3);
  CHECK(world.said("topic \"in\": has 3 partitions now, and 2 when the application started: its tasks keep no state") == 1);
}

TEST_CASE("partitions that come later stop tasks with a state, with an explanation") {
  World world{3};
  klamm::Topology topology{"members"};
  topology.stream(in).group_by_key().count("n");
  const auto client = klamm::log::memory_client(*world.log);
  GrowingLog growing{*client};
  auto engine = world.engine(topology, growing);
  REQUIRE(engine->settle(true).ok());
  growing.grown = true;
  world.clock.advance(klamm::Duration{30'000});
  const klamm::Status status = engine->settle(true);
  CHECK(status.code() == Code::failed_precondition);
  CHECK(status.message().find("topic \"in\": has 3 partitions now, and 2 when the application started: keys go to other partitions") == 0);
  CHECK(status.message().find("the tables \"n\" keep what they had by 2: stop all instances, then reset") != std::string::npos);
}
