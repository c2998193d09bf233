// Where a task stands in the inputs beside its leader, when the brokers have forgotten it.
#include <doctest/doctest.h>

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

/// Has forgotten the offsets of one topic.
class ForgetfulLog final : public klamm::log::ForwardingLog {
 public:
  using ForwardingLog::ForwardingLog;
  klamm::Result<std::vector<std::optional<klamm::log::Committed>>> committed(
      const std::string& group, std::span<const klamm::log::TopicPartition> partitions) override {
    auto found = log_.committed(group, partitions);
    for (std::size_t i = 0; found.ok() && i < partitions.size(); ++i) {
      if (partitions[i].topic == forgotten) (*found)[i].reset();
    }
    return found;
  }
  std::string forgotten;
};

const klamm::Topic<std::string, std::int64_t> a{"a"}, b{"b"};

struct Fixture {
  Fixture() {
    topology.stream(a).merge(topology.stream(b)).for_each([this](std::int64_t v) { seen.push_back(v); });
  }
  void put(const std::string& topic, std::int64_t value) {
    const auto inlet = std::move(*log.inlet(topic, ""));
    klamm::Bytes bytes;
    klamm::serde<std::int64_t>::encode(value, bytes);
    REQUIRE(inlet->send(0, klamm::BytesView{bytes}.first(1), bytes, klamm::Timestamp{value}, {}, {}).ok());
  }
  std::unique_ptr<klamm::runtime::Engine> start() {
    auto engine = std::make_unique<klamm::runtime::Engine>(topology.graph(), "followers", klamm::runtime::Settings{}, log, clock,
                                                           *background, logger);
    REQUIRE(engine->start(1, 1).ok());
    REQUIRE(engine->settle(true).ok());
    return engine;
  }

  klamm::Topology topology{"followers"};
  std::vector<std::int64_t> seen;
  klamm::ports::ManualClock clock;
  klamm::runtime::Logger logger{klamm::LogSink{}, clock};
  std::unique_ptr<klamm::ports::Executor> background = klamm::ports::inline_executor();
  std::unique_ptr<klamm::log::Log> memory = klamm::log::memory_log();
  ForgetfulLog log{*memory};
};

std::int64_t commits(const klamm::runtime::Engine& engine) { return engine.workers().front()->figures().commits; }

}  // namespace

TEST_CASE_FIXTURE(Fixture, "an offset that brokers have forgotten is known from the leader's mark") {
  auto engine = start();
  put("a", 1);
  put("b", 2);
  put("b", 3);
  REQUIRE(engine->settle(true).ok());
  REQUIRE(seen == std::vector<std::int64_t>{1, 2, 3});
  engine.reset();
  log.forgotten = "b";
  engine = start();
  put("b", 4);
  REQUIRE(engine->settle(true).ok());
  CHECK(seen == std::vector<std::int64_t>{1, 2, 3, 4});
}

TEST_CASE_FIXTURE(Fixture, "offsets of several inputs are committed again though nothing comes, so that brokers keep them") {
  auto engine = start();
  put("a", 1);
  REQUIRE(engine->settle(true).ok());
  const std::int64_t before = commits(*engine);
  clock.advance(klamm::Duration{3'000'000});
  REQUIRE(engine->settle(true).ok());
  CHECK(commits(*engine) == before);
  clock.advance(klamm::Duration{700'000});
  REQUIRE(engine->settle(true).ok());
  CHECK(commits(*engine) == before + 1);
}
