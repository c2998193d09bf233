// Partitions that move between applications whose workers are threads of their own.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "graph/graph.hpp"
#include "klamm/klamm.hpp"
#include "log/embedded.hpp"
#include "ports/clock.hpp"
#include "ports/executor.hpp"
#include "runtime/engine.hpp"

namespace {

using namespace std::chrono_literals;
using klamm::runtime::Engine;

const klamm::Topic<std::string, std::int64_t> in{"in"};
const klamm::Topic<std::string, std::int64_t> out{"out"};
constexpr int partitions = 4;

/// An application on the log, with its workers and the thread that polls the group.
class Instance {
 public:
  Instance(klamm::log::Log& memory, const klamm::Topology& topology) : client_{klamm::log::memory_client(memory)} {
    engine_ = std::make_unique<Engine>(topology.graph(), "moves", klamm::runtime::Settings{.commit_interval = klamm::Duration{2}}, *client_,
                                       klamm::ports::system_clock(), *background_, logger_);
    REQUIRE(engine_->start(2, partitions).ok());
    engine_->run({});
    coordinator_ = std::thread{[this] {
      while (!leaving_ && engine_->coordinate().ok() && engine_->failure().ok()) std::this_thread::sleep_for(1ms);
      engine_->request_stop();
      engine_->join_threads();
    }};
  }
  ~Instance() {
    leaving_ = true;
    coordinator_.join();
    CHECK(engine_->failure().ok());
  }
  [[nodiscard]] Engine& engine() { return *engine_; }

 private:
  std::unique_ptr<klamm::log::Log> client_;
  klamm::runtime::Logger logger_{klamm::LogSink{}, klamm::ports::system_clock()};
  std::unique_ptr<klamm::ports::Executor> background_ = klamm::ports::inline_executor();
  std::unique_ptr<Engine> engine_;
  std::atomic<bool> leaving_{false};
  std::thread coordinator_;
};

}  // namespace

TEST_CASE("applications come and go while records flow, and each record counts once, in order") {
  klamm::Topology topology{"moves"};
  topology.stream(in).group_by_key().count("n").to(out);
  klamm::log::MemoryOptions options;
  options.clock = &klamm::ports::system_clock();
  const auto log = klamm::log::memory_log(options);
  const klamm::log::TopicState topic{"in", partitions, klamm::log::Cleanup::keep};
  REQUIRE(log->create({&topic, 1}).ok());
  auto inlet = *log->inlet("in", "");

  std::unique_ptr<Instance> instances[3];
  instances[0] = std::make_unique<Instance>(*log, topology);
  std::int64_t sent = 0;
  for (int round = 0; round < 24; ++round) {
    for (int i = 0; i < 40; ++i, ++sent) {
      klamm::Bytes key, value;
      klamm::serde<std::string>::encode("k" + std::to_string(sent % partitions), key);
      klamm::serde<std::int64_t>::encode(sent, value);
      REQUIRE(inlet->send(static_cast<klamm::log::Partition>(sent % partitions), key, value, klamm::Timestamp{sent}, {}, {}).ok());
    }
    std::this_thread::sleep_for(10ms);
    auto& other = instances[1 + round % 2];
    if (round % 3 != 0) continue;
    if (other == nullptr)
      other = std::make_unique<Instance>(*log, topology);
    else
      other.reset();
  }
  instances[1].reset();
  instances[2].reset();
  bool done = false;
  for (int i = 0; i < 2'000 && !done; ++i) {
    done = instances[0]->engine().drained() == true;
    std::this_thread::sleep_for(5ms);
  }
  CHECK(done);
  instances[0].reset();

  std::map<std::string, std::int64_t> last;
  for (klamm::log::Partition p = 0; p < partitions; ++p) {
    const auto reader = log->reader({"out", p}, 0, nullptr);
    for (bool more = true; more;) {
      const auto taken = (*reader)->poll(1'000, [&](std::span<const klamm::RawMessage> batch) {
        for (const auto& m : batch) {
          std::int64_t count = 0;
          REQUIRE(klamm::serde<std::int64_t>::decode(m.value, count).ok());
          std::int64_t& before = last[{reinterpret_cast<const char*>(m.key.data()), m.key.size()}];
          CHECK(count == before + 1);
          before = count;
        }
        return batch.size();
      });
      more = taken.ok() && *taken != 0;
    }
  }
  std::int64_t sum = 0;
  for (const auto& [key, count] : last) sum += count;
  CHECK(sum == sent);
}
