#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "klamm/api.hpp"
#include "log/log.hpp"
#include "runtime/assignment.hpp"
#include "runtime/environment.hpp"
#include "runtime/standbys.hpp"
#include "runtime/worker.hpp"

namespace klamm::inline v0::runtime {

using TaskFigures = std::shared_ptr<Task::Impl::Figures>;

/// Runs a plan: joins the group, makes a task for each partition it is given, and spreads the tasks over its workers.
///
/// Who calls is the choice of who owns it: `run` starts threads; a test calls `step` until nothing is left to do. Outlives its tasks.
class KLAMM_TESTING_API Engine final : private log::GroupListener {
 public:
  Engine(const detail::Graph& graph, std::string application_id, Settings settings, log::Log& log, ports::Clock& clock,
         ports::Executor& background, Logger& logger);
  ~Engine() override;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Gives the stores of a crashed engine to this one; before start.
  void keep(KeptStores stores) { kept_ = std::move(stores); }
  /// Takes the stores as a crash would leave them on disk; the engine is done then. Only when driven by the caller's thread.
  KeptStores crash();

  /// Compiles the plan, creates the topics, makes the workers, joins. `unavailable`: the log is away, to be called again.
  Status start(int workers, log::Partition default_partitions);

  // On threads of its own.
  /// Starts a thread for each worker. `on_start` is called first on each.
  void run(const std::function<void(int worker)>& on_start);
  /// One round of the group and of balance between workers; called about every 100 ms by one thread, also while it stops: the last commits
  /// may have to wait until members have joined.
  Status coordinate();
  void join_threads();

  // Driven by the caller's thread.
  /// A step of everything; false when nothing was left to do.
  Result<bool> step();
  /// Steps until all is processed, and committed if `commit`.
  Status settle(bool commit);

  void request_stop();
  void abandon();
  [[nodiscard]] bool finished() const;
  /// Why a worker has stopped.
  [[nodiscard]] Status failure() const;

  /// Calls `visit` with each task on its worker's thread, all from between two steps of it, and returns when that is done. `unavailable`
  /// when a worker has finished.
  Status visit(const std::function<void(Task::Impl&)>& visit);
  /// The tasks that keep a store, by partition, as far as they are this instance's: the others are null. `unavailable` before the
  /// assignment has come; `not_found` when the plan has no such store. Any thread.
  [[nodiscard]] Result<std::vector<Assignment::Owner>> owners(const std::string& store) const;
  [[nodiscard]] ports::Clock& clock() const { return clock_; }
  [[nodiscard]] const std::string& application_id() const { return application_id_; }
  /// Whether all that is in the input topics now has been processed and committed.
  Result<bool> drained();

  [[nodiscard]] const Plan& plan() const { return plan_; }
  [[nodiscard]] const std::vector<std::unique_ptr<Worker>>& workers() const { return workers_; }
  [[nodiscard]] std::vector<std::shared_ptr<Task::Impl::Figures>> figures() const;
  [[nodiscard]] bool restoring() const;
  /// Null where there are none.
  [[nodiscard]] const Standbys* standbys() const { return ready_ ? standbys_.get() : nullptr; }
  /// Whether the first assignment has come.
  [[nodiscard]] bool assigned() const { return assigned_; }

 private:
  void assigned(std::span<const log::TopicPartition> partitions) override;
  void revoked(std::span<const log::TopicPartition> partitions) override;
  void lost(std::span<const log::TopicPartition> partitions) override;
  void report(const char* what, std::span<const log::TopicPartition> partitions);
  Status create_topics();
  /// Says so once when this instance has had nothing to do for a while.
  void tell_if_idle();
  /// Whether source topics have more partitions now. Tasks without a state take them, others can't go on: not ok.
  Status look_at_topics();
  Status grown(const SubPlan& sub, int input, log::Partition count);
  void balance();
  void watch();

  const detail::Graph& graph_;
  const std::string application_id_;
  const Settings settings_;
  log::Log& log_;
  ports::Clock& clock_;
  ports::Executor& background_;
  Logger& logger_;
  Plan plan_;
  KeptStores kept_;
  std::unique_ptr<Environment> environment_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<Assignment> assignment_;
  std::unique_ptr<Standbys> standbys_;  // null: none
  std::unique_ptr<log::Member> member_;
  Status failed_;  // of making the tasks
  std::int64_t idle_since_ms_ = -1;
  bool idle_told_ = false;
  std::int64_t topics_at_ms_ = -1;               // when they are looked at next
  std::map<std::string, log::Partition> grown_;  // topics that have more partitions than at the start, and how many
  std::atomic<bool> ready_{false}, stopping_{false};
  std::atomic<bool> assigned_{false};
  std::vector<std::thread> threads_;
  std::vector<int> idle_rounds_;
  std::vector<std::int64_t> reported_ms_;  // of each worker, when it was last named by the watchdog
};

}  // namespace klamm::inline v0::runtime
