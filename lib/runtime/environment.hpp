#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "klamm/detail/store.hpp"
#include "klamm/errors.hpp"
#include "log/log.hpp"
#include "ports/clock.hpp"
#include "ports/executor.hpp"
#include "runtime/logger.hpp"
#include "runtime/plan.hpp"

namespace klamm::inline v0::runtime {

/// What happens to records that can't go on, by the step at which they are stuck.
struct ErrorPolicies {
  ErrorPolicy decode = fail(), process = fail(), produce = fail();

  [[nodiscard]] const ErrorPolicy& at(ErrorStage stage) const {
    return stage == ErrorStage::decode ? decode : stage == ErrorStage::process ? process : produce;
  }
};

struct Settings {
  ErrorPolicies on_error{};
  Guarantee guarantee = Guarantee::exactly_once;
  Duration commit_interval{100};
  /// Tasks of several inputs commit so often even if nothing has come: brokers forget offsets of topics that no member subscribes to.
  Duration recommit_interval{3'600'000};
  /// How long the group may wait for the commit of partitions that go elsewhere; then they go without, and their records are done again.
  Duration release_patience{10'000};
  std::size_t max_pending_bytes = std::size_t{64} << 20;
  Duration checkpoint_interval{30'000};
  Duration watchdog{10'000};
  std::size_t checkpoint_bytes = std::size_t{64} << 20;
  std::optional<std::size_t> memory_bytes = 0;  ///< of all stores with files together; 0: unlimited; nullopt: what suits their number
  std::string state_dir{};                      ///< stores live in `<state_dir>/<store>/<partition>.sqlite`; empty: in memory
  bool purge_sources = false;                   ///< source topics are let go once they are committed (nobody else can read them)
  Duration topic_check{30'000};                 ///< how often source topics are asked for more partitions
  int standby_replicas = 0;                     ///< copies of each store with other members
  Duration standby_interval{1'000};             ///< how often a standby looks for what its store's owner has committed
  Duration standby_placement{5'000};            ///< how often the group is looked at for where standbys belong, beside each rebalance
  std::uint64_t seed = 0;                       ///< of everything random; 0: from the machine
};

/// A store without a task: what a disk would have kept of one in memory, what a standby or a task that could not be opened has left.
struct KeptStore {
  std::unique_ptr<detail::StoreBase> store;
  std::string lineage;
  bool of_standby = false;
};
/// By store and partition.
using KeptStores = std::map<std::pair<std::string, log::Partition>, KeptStore>;

class Standbys;

/// What all tasks of an application share. Owned by the engine; outlives the tasks.
struct Environment {
  const Plan& plan;
  const Settings& settings;
  log::Log& log;
  ports::Clock& clock;
  ports::Executor& background;
  Logger& logger;
  std::shared_ptr<detail::MemoryBudget> memory{};  ///< of the stores; null: unlimited
  KeptStores kept{};                               ///< taken by the tasks that open them
  std::mutex keeping{};                            ///< guards `kept`
  std::mutex sending{};          ///< held while offsets are sent, and while tasks are said to be lost: what is lost is not sent
  std::mutex moves{};            ///< held while a task changes its worker, and while a visit of all tasks begins
  Standbys* standbys = nullptr;  ///< null: none
  int visits = 0;                ///< under way: no task moves then, so that each is met once
};

}  // namespace klamm::inline v0::runtime
