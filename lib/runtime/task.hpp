#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "klamm/detail/stage.hpp"
#include "klamm/detail/store.hpp"
#include "runtime/commit_mark.hpp"
#include "runtime/environment.hpp"
#include "runtime/input.hpp"
#include "runtime/punctuation.hpp"
#include "runtime/task_store.hpp"

namespace klamm::inline v0::detail {

/// What the exception that is being handled says, for messages.
std::string what_was_thrown();

/// Where a writer's records go: a topic of the producer that its task is attached to.
struct Sink {
  Task::Impl* task = nullptr;
  int topic = -1;  ///< the graph's number
  log::Producer* producer = nullptr;
  log::Producer::Topic number = 0;
  log::Partition partitions = 1;
  log::Partition next = 0;  ///< of records without a key
  int run = 0;              ///< records without a key since it changed
  log::Producer::Limits limits{};
  std::int64_t latest_ms = -1;  ///< that the topic is known to take; moves with the clock
};

/// One sub-topology at one partition, at work: owns its inputs, its stores, its clocks and its copy of the operators.
///
///     open ──▶ restore_some… ──▶ process_some… ⇄ begin_commit ─▶ add_offsets ─▶ settle | abort ──▶ close
///
/// Owned by the worker that runs it, and used on that worker's thread only, but for `figures`.
struct Task::Impl {
  Impl(runtime::Environment& environment, const runtime::SubPlan& sub, log::Partition partition);
  ~Impl();

  /// Reads the committed offsets and the mark, and opens the stores.
  Status open();
  /// It could not be opened: what it has of stores is kept for the next try.
  void give_back();
  /// What has to be committed before anybody writes to the repartition topics that it reads: what they hold from now on. Nothing where that
  /// is known already. Once, after `open`.
  [[nodiscard]] std::optional<log::OffsetCommit> announcement();
  /// Who is told, on any thread, that records came in: the worker's.
  void set_wake(std::function<void()> wake);
  /// Time has passed: stores may be due for a checkpoint. True: there is more to do for them, call again soon.
  bool tick(std::int64_t steady_ms);
  [[nodiscard]] bool restoring() const { return restoring_ < stores_.size(); }
  /// Replays some of the changelogs; other tasks run between two calls. False when there was nothing to do for now.
  Result<bool> restore_some(std::size_t limit);

  /// Makes `producer` the one that outputs and changelogs go to.
  Status attach(log::Producer& producer);
  /// Takes at most about `limit` records through the operators. Returns how many; 0 when nothing is there.
  Result<std::size_t> process_some(std::size_t limit);
  /// Fires the wall clock's punctuations that are due; true if one was.
  Result<bool> punctuate_wall_clock();
  /// When it wants to be called next for that, at the latest; steady clock.
  [[nodiscard]] std::int64_t punctuate_at_ms() const { return punctuations_.next(Time::wall_clock); }
  /// An orderly end: processors get their close(), whose outputs are part of the last commit. Once.
  Status close_processors();
  /// Whether a processor has asked for a commit since the last call.
  [[nodiscard]] bool take_commit_wish() { return std::exchange(commit_wanted_, false); }
  /// The same with a batch that did not come from the log: for benchmarks.
  Status feed(int topic, std::span<const RawMessage> batch);

  /// Whether a store may have something to write again: who lets go of the task now leaves its changelog wrong.
  [[nodiscard]] bool is_mending() const;
  /// Whether there is something to commit.
  [[nodiscard]] bool dirty() const;
  /// Writes the changelogs of what was changed since the last commit. What follows is the next generation.
  Status begin_commit(log::Producer& producer);
  /// Adds the offsets of the commit that was begun, with the mark: its records are in the log, up to these ends. Nothing happens when none
  /// was begun.
  void add_offsets(std::span<const log::Producer::Prepared::End> ends, std::vector<log::OffsetCommit>& offsets);
  /// The commit that was begun is in the log. Nothing happens when none was.
  Status settle();
  /// It is not, or never will be: goes back to the committed offsets, stores and clocks.
  Status abort();
  /// Writes the stores' files as of the last commit.
  Status close();

  /// How the task ends while its worker goes on.
  enum class Ending : unsigned char { none, commit, drop };
  void end(Ending how) { ending_ = std::max(ending_, how); }
  [[nodiscard]] Ending ending() const { return ending_; }
  /// Whether something of it is in the open transaction or the one that is being committed.
  [[nodiscard]] bool has_written() const { return !restoring() && (committing_ || dirty()); }

  /// Where the log stands, by its committed offsets, and this task by its own.
  enum class Standing : unsigned char { same, moved, unknown };
  /// It may have fallen behind its log: nothing is processed before a comparison.
  void doubt() { in_doubt_ = true; }
  [[nodiscard]] bool in_doubt() const { return in_doubt_; }
  /// Ends the doubt unless the log can't tell yet.
  Result<Standing> compare_with_log();

  /// Ends the task as a crash would that left the disk intact: stores as of the last commit.
  void crash(runtime::KeptStores& kept);

  [[nodiscard]] std::string name() const { return sub_->name + '/' + std::to_string(partition_); }
  [[nodiscard]] const runtime::SubPlan& sub() const { return *sub_; }
  [[nodiscard]] log::Partition partition() const { return partition_; }
  [[nodiscard]] StoreBase* find_store(const std::string& store);
  [[nodiscard]] Task& task() { return task_; }

  /// Read by any thread, also after the task has gone.
  struct Figures {
    std::string sub_topology;
    log::Partition partition = 0;
    std::atomic<std::int64_t> processed{0}, skipped{0}, dropped{0}, lag{0}, restored{0}, restore_total{0};
    std::atomic<bool> restoring{true}, closed{false};
    std::atomic<std::int64_t> restore_began_ms{0};  ///< steady clock
    std::atomic<bool> had_standby{false};
    std::atomic<bool> lost{false};  ///< somebody else has the partition: nothing of it may be committed
    std::atomic<int> worker{0};
    /// By the operator's number in the graph: records that it skipped or dropped.
    struct PerOperator {
      std::atomic<std::int64_t> skipped{0}, dropped{0};
      std::atomic<std::int64_t> late{0}, greatest_lateness_ms{0};  ///< of the dropped
    };
    std::vector<PerOperator> operators;
    struct PerStore {
      std::shared_ptr<StoreReader> reader;  ///< what queries read on threads of their own; null where the store is in memory only
      std::shared_ptr<runtime::PublishedFigures> figures;
    };
    /// By the store's name. Set by `open`, then const.
    std::map<std::string, PerStore, std::less<>> stores;
  };
  [[nodiscard]] const std::shared_ptr<Figures>& figures() const { return figures_; }

  // What processors ask of it (processor.cpp).
  void add(const std::shared_ptr<Schedule>& schedule, NodeId node);
  void cancelled(const Schedule& schedule);
  void want_commit() { commit_wanted_ = true; }
  void changed_without_record() { changed_ = true; }
  [[nodiscard]] Timestamp wall_clock() const;
  [[nodiscard]] const std::string& operator_name(NodeId node) const;
  /// Stops the application: a processor did what it must not do.
  void misused(NodeId node, const std::string& what);
  void fail(const Status& status);

 private:
  friend class Task;
  friend struct Writer;

  void instantiate();
  void keep_stores(runtime::KeptStores& kept);
  // Processors (task_processors.cpp).
  Status start_processors();
  void stop_processors();
  void fire(Time time, std::int64_t due_at, Timestamp now);
  void punctuate_stream_time();
  /// What stands for the record where there is none.
  [[nodiscard]] RecordContext no_record(const ProcessorContext& context, Timestamp time);
  /// Calls `f` for a processor where there is no record; what it throws goes to the error policy.
  template <class F> void without_record(ProcessorContext& context, Timestamp time, F f);
  Status purge();
  /// Lets go on what stages keep back for the commit.
  Status release_held();
  [[nodiscard]] const runtime::Input* input_of(int topic) const;
  Status find_committed();
  /// Sets the clocks to what the last commit says.
  void rewind_clocks();
  /// Whether what waits in the repartition topics can be read.
  Status judge_inputs();
  std::size_t run_records(runtime::Input& input, std::span<const RawMessage> batch);
  std::size_t run_batch(runtime::Input& input, std::span<const RawMessage> batch);
  std::size_t run_once(SourceStage& source, std::span<const RawMessage> batch);
  Result<std::size_t> process_merged(std::size_t limit);
  void measure_lag();
  /// Event time, for the choice between inputs.
  Timestamp time_of(runtime::Input& input, const RawMessage& message);
  /// The policy's word on a record that cannot go on: true to go on behind it, false after a halt.
  bool goes_on(ErrorStage stage, NodeId node, const RecordContext& context, const std::string& reason);
  /// The policy for a record read from `topic` (the graph's number, or -1) that is stuck at `node`: its sink's, its topic's, the default.
  [[nodiscard]] const ErrorPolicy& policy_of(ErrorStage stage, int topic, NodeId node) const;
  /// Stops here without a failure, and tries the record again after a while.
  void try_again(NodeId node, const RecordContext& context, const std::string& reason);
  /// Whether the topic would take the record; if not, the error policy was asked.
  bool takes(Sink& sink, NodeId node, std::size_t size, const RecordContext& context);
  /// Writes the record to a dead-letter topic.
  void bury(const std::string& topic, const FailedRecord& record);
  /// Says in the task's context which record an exception came from, if it was thrown before the record had one.
  void find_context(const SourceStage& source);
  /// The same for the exception that is being handled.
  bool goes_on_after_exception();

  runtime::Environment* env_;
  const runtime::SubPlan* sub_;
  const log::Partition partition_;
  Task task_;
  std::vector<std::unique_ptr<Stage>> clones_;    // by stage
  std::vector<std::unique_ptr<Writer>> writers_;  // by node
  std::vector<std::unique_ptr<Sink>> sinks_;
  std::map<std::string, Sink, std::less<>> dead_letters_;
  std::span<const RawMessage> batch_;  // that is being processed
  const std::string* batch_topic_ = nullptr;
  std::vector<std::unique_ptr<runtime::TaskStore>> stores_;
  std::vector<runtime::Input> inputs_;
  std::map<std::string, Timestamp> clocks_;  // of operators, by stable name
  std::size_t restoring_ = 0;                // the store whose turn it is
  runtime::CommitMark settled_, in_flight_;
  std::vector<Processor*> processors_;
  runtime::Punctuations punctuations_;
  ProcessorContext* constructing_ = nullptr;
  int scheduled_ = 0;     // by the constructor that runs
  bool started_ = false;  // the processors are made
  bool processors_closed_ = false;
  bool changed_ = false;  // something is to be committed that no record has caused
  bool commit_wanted_ = false;
  bool committing_ = false;
  std::int64_t committed_at_ms_ = -1;
  bool in_doubt_ = false;
  std::int64_t compare_at_ms_ = 0;
  Ending ending_ = Ending::none;
  bool unannounced_ = false;
  Status halt_;            // why the run had to stop
  bool decoding_ = false;  // the exception that is being handled came from a serde or an extractor
  bool waiting_ = false;   // a serde's service was away: the record is tried again
  std::int64_t retry_at_ms_ = 0;
  struct Wake {
    std::mutex mutex;
    std::function<void()> call;
  };
  std::shared_ptr<Wake> wake_ = std::make_shared<Wake>();  // readers outlive a move to another worker
  runtime::Sampler refused_, null_values_, unavailable_;
  std::shared_ptr<Figures> figures_ = std::make_shared<Figures>();
};

}  // namespace klamm::inline v0::detail
