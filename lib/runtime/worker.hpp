#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "runtime/environment.hpp"
#include "runtime/task.hpp"

namespace klamm::inline v0::runtime {

using detail::Task;

/// Runs tasks one step at a time, and commits them together: one producer, one transaction per commit.
///
///     mail ─▶ what the commit in flight has come to ─▶ restore or process each task ─▶ begin a commit if one is due
///
/// Whoever calls `step` is the worker's thread: a thread of its own in production, the test in a driver. Owned by the engine.
class Worker {
 public:
  Worker(Environment& environment, int number);
  ~Worker();

  Status open();

  struct Step {
    bool worked = false;          ///< call again at once
    bool finished = false;        ///< stopped, and all is closed
    std::int64_t wake_at_ms = 0;  ///< of the steady clock: the latest time of the next call
  };
  Step step();
  /// Sleeps until `wake`, or the time; the worker's thread.
  void wait_until(std::int64_t steady_ms);

  // Any thread.
  void wake();
  /// Runs `job` between two steps. False when the worker has finished, and the job will never run.
  bool post(std::function<void()> job);
  /// Runs `question` between two records, a few hundred at most after now. It may look at tasks and stores, and must not change them.
  bool ask(std::function<void(Worker&)> question);
  void adopt(std::unique_ptr<Task::Impl> task);
  /// Ends those of its tasks that are among these, the others go on. `commit`: after the record at work and a commit; `drop`: without a
  /// commit, somebody else has them. Each says by its figures when it is closed.
  void release(std::vector<std::shared_ptr<Task::Impl::Figures>> tasks, Task::Impl::Ending how);
  /// Finishes what is at work, commits, closes the stores. `abandon`: without the commit.
  void request_stop() {
    stopping_ = true;
    wake();
  }
  void abandon() {
    abandoned_ = true;
    request_stop();
  }
  /// Stops for a reason.
  void fail(Status status);
  /// Commits at the next step, whatever the interval says.
  void request_commit() {
    commit_requested_ = true;
    wake();
  }
  /// Gives one of its busy tasks to `other` at the next commit.
  void request_move(Worker& other) { move_to_ = &other; }
  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] std::size_t tasks() const { return task_count_; }
  /// Tasks that had something to do lately; 0 for a while means idle.
  [[nodiscard]] int busy_tasks() const { return busy_tasks_; }
  [[nodiscard]] bool finished() const { return finished_; }
  /// Whether a commit was begun that its stores do not show yet.
  [[nodiscard]] bool committing() const { return in_flight_; }
  [[nodiscard]] Status failure() const;
  struct Figures {
    std::atomic<std::int64_t> commits{0}, aborts{0}, held_back{0};
  };
  [[nodiscard]] const Figures& figures() const { return figures_; }

  /// The task that has been at work since before `steady_ms`, or null: it may be stuck in a function of the topology. Any thread; the
  /// figures are shared.
  [[nodiscard]] std::shared_ptr<Task::Impl::Figures> at_work_since(std::int64_t steady_ms) const;

  // The worker's thread, in a job.
  [[nodiscard]] const std::vector<std::unique_ptr<Task::Impl>>& owned() const { return tasks_; }
  [[nodiscard]] log::Producer& producer() { return *producer_; }
  /// Ends all tasks as a crash would that left the disk intact.
  void crash(KeptStores& kept);

 private:
  bool run_mail();
  bool answer();
  Result<std::size_t> process(Task::Impl& task);
  Status turn(Step& step);
  /// The same with what nobody else has caught.
  Status guarded_turn(Step& step);
  Status begin_commit();
  /// The next steps of the commit in flight, as far as the log answers: with the marks, then its end.
  Status go_on_committing(Step& step);
  Status send_offsets(const log::Producer::Prepared& prepared);
  Status end_commit(const Status& outcome);
  // Tasks that end (worker_release.cpp).
  void end(Task::Impl& task, Task::Impl::Ending how);
  Status drop_lost(Step& step);
  bool mend(Step& step);
  Status close_released(Step& step);
  template <class Predicate> Status close_if(const Predicate& predicate);
  /// Drops what is not committed, of all tasks.
  Status go_back();
  /// After an aborted commit: false while it is not known that the task stands where the log does.
  Result<bool> stands_firm(Task::Impl& task, Step& step);
  /// Whether a task's failure is the worker's: ok when it will be tried again.
  Status judge(Task::Impl& task, const Status& failed, Step& step);
  Status run_tasks(Step& step);
  void hand_over();
  void enter(const Task::Impl& task, std::int64_t now);
  [[nodiscard]] bool dirty() const;
  /// Whether the next commit has as many records as it may.
  [[nodiscard]] bool is_full() const { return most_per_commit_ != 0 && in_generation_ >= most_per_commit_; }
  void finish(Step& step);

  static constexpr std::int64_t retry_ms = 100, mend_ms = 5;

  Environment* env_;
  const int number_;
  std::unique_ptr<log::Producer> producer_;
  std::vector<std::unique_ptr<Task::Impl>> tasks_;
  std::int64_t last_commit_ms_ = 0;
  std::size_t most_per_commit_ = 0;  // records; 0: any number
  std::size_t in_generation_ = 0;    // records since the last commit was begun
  int aborts_in_a_row_ = 0;
  std::size_t batch_ = 64;  // records a task may take in one go: kept to a few milliseconds
  Task::Impl* leaving_ = nullptr;
  Worker* leaving_to_ = nullptr;
  bool ending_ = false;  // some task may have been asked to end
  Sampler aborted_;

  std::atomic<bool> stopping_{false}, abandoned_{false}, commit_requested_{false}, finished_{false};
  enum class Commit : unsigned char { none, preparing, sent };
  Commit commit_ = Commit::none;
  std::atomic<bool> in_flight_{false};  // a commit was begun and is not settled
  std::atomic<Worker*> move_to_{nullptr};
  std::atomic<std::size_t> task_count_{0};
  std::atomic<int> busy_tasks_{0};
  Figures figures_;
  std::atomic<std::int64_t> task_started_ms_{0};  // 0: between two tasks
  mutable std::mutex mutex_;
  std::shared_ptr<Task::Impl::Figures> task_at_work_;
  std::condition_variable waked_;
  bool wake_ = false;
  std::vector<std::function<void()>> mail_;
  std::vector<std::function<void(Worker&)>> questions_;
  std::atomic<bool> asked_{false};
  bool mail_closed_ = false;
  bool processors_closed_ = false;
  Status failure_;
};

}  // namespace klamm::inline v0::runtime
