#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "klamm/klamm.hpp"
#include "log/embedded.hpp"
#include "ports/clock.hpp"
#include "ports/executor.hpp"
#include "runtime/engine.hpp"
#include "simulation/unreliable_log.hpp"
#include "support/temporary_directory.hpp"

namespace klamm::simulation {

/// Some machines that run one application on one log, through everything that can happen to them: all decided by a seed, on one thread.
class World {
 public:
  enum class Disks : bool { memory, files };
  World(std::uint64_t seed, Disks disks);
  ~World();

  /// Runs the script: records come in while machines come, go, die, freeze and lose the log.
  void run();
  /// Ends all trouble, and waits until all is processed. Empty, or what is stuck.
  std::string settle();
  /// Empty, or how what is left differs from what the inputs ask for: tables, changelogs, outputs.
  std::string check();
  /// What happened, for the one who has to find out why.
  [[nodiscard]] const std::string& history() const { return history_; }

 private:
  static constexpr int machine_count = 4;
  struct Machine {
    int number = 0;
    std::unique_ptr<log::Log> client;
    std::unique_ptr<UnreliableLog> log;
    std::unique_ptr<runtime::Engine> engine;
    runtime::KeptStores disk;  // while it is down
    std::int64_t frozen_until = 0, away_until = 0;
    bool stopping = false;
  };

  void start(Machine& machine);
  void stopped(Machine& machine);
  enum class Disk : bool { kept, lost };
  void kill(Machine& machine, Disk disk);
  void step(Machine& machine);
  void something_happens(Machine& machine);
  void feed();
  void note(const std::string& what);
  [[nodiscard]] std::string directory(const Machine& machine) const;
  [[nodiscard]] int running() const;
  /// Rows of a table over all machines, by partition; notes a partition that has no owner or two.
  std::map<log::Partition, std::map<std::string, std::string>> rows(const std::string& table, std::string& problems);
  std::vector<std::pair<std::string, std::string>> records(const std::string& topic, log::Partition partition);

  std::mt19937_64 random_;
  const Disks disks_;
  const int standbys_;  // of each store
  const testing::TemporaryDirectory directory_;
  ports::ManualClock clock_;
  runtime::Logger logger_;
  std::unique_ptr<ports::Executor> background_ = ports::inline_executor();
  const Topology topology_;
  std::string history_;
  std::string failure_;
  std::unique_ptr<log::Log> log_;
  std::unique_ptr<log::Inlet> in_, names_;
  std::vector<std::unique_ptr<UnreliableLog>> dead_;
  std::vector<std::unique_ptr<log::Log>> dead_clients_;
  std::array<Machine, machine_count> machines_;
  int sent_ = 0;
  std::int64_t newest_ = 0;  // timestamp
  std::map<std::string, std::int64_t> named_;
  std::map<std::string, std::int64_t> windows_;  // counts by the changelog's key
};

}  // namespace klamm::simulation
