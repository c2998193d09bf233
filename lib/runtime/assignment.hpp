#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "runtime/environment.hpp"
#include "runtime/logger.hpp"
#include "runtime/worker.hpp"

namespace klamm::inline v0::runtime {

/// Which partitions are this member's, and the life of their tasks: opened when their committed offsets can be read, given to the worker
/// with the fewest, taken back when the group wants them.
///
/// A task that its worker has closed while the partition is still this member's is opened anew: so a worker gets rid of one that has
/// fallen behind its log. Owned by the engine, and used on the thread that polls the group, but for `figures` and what stands beside it.
class Assignment {
 public:
  using Figures = std::shared_ptr<Task::Impl::Figures>;

  Assignment(Environment& environment, const std::vector<std::unique_ptr<Worker>>& workers);

  void add(std::span<const log::TopicPartition> leaders);
  /// Asks the workers to end the tasks of these partitions.
  void remove(std::span<const log::TopicPartition> leaders, Task::Impl::Ending how);
  /// Whether the tasks of these partitions have ended.
  [[nodiscard]] bool ended(std::span<const log::TopicPartition> leaders) const;
  /// Opens tasks that are missing; those whose offsets can't be read yet are tried again in a later call.
  Status open_missing();
  [[nodiscard]] std::size_t size() const;

  // Any thread.
  /// Whether the partition is not this member's, and no task of it is open any more.
  [[nodiscard]] bool is_free(const SubPlan& sub, log::Partition partition) const;
  /// Of the tasks that are open; the first is the sum of those that were closed.
  [[nodiscard]] std::vector<Figures> figures() const;
  /// Who has a partition: this instance or not, and its task once that is open.
  struct Owner {
    bool mine = false;
    Figures task{};
  };
  /// By partition. Any thread.
  [[nodiscard]] std::vector<Owner> owners(const SubPlan& sub) const;
  /// Whether a task is not open yet or restores.
  [[nodiscard]] bool restoring() const;

 private:
  struct Slot {
    const SubPlan* sub = nullptr;
    bool mine = false;
    Figures figures;  // of the task, null before the first
    std::int64_t retry_at_ms = 0;
  };

  [[nodiscard]] Slot* find(const log::TopicPartition& leader);
  [[nodiscard]] const Slot* find(const log::TopicPartition& leader) const { return const_cast<Assignment*>(this)->find(leader); }
  Result<std::unique_ptr<Task::Impl>> open(const SubPlan& sub, log::Partition partition);
  struct Opened {
    Slot* slot;
    std::unique_ptr<Task::Impl> task;
  };
  /// Gives new tasks to the workers.
  Status hand_over(std::vector<Opened> opened);
  /// Adds the figures of a closed task to the sum.
  void retire(Slot& slot);

  Environment& env_;
  const std::vector<std::unique_ptr<Worker>>& workers_;
  mutable std::mutex mutex_;
  using Key = std::pair<std::size_t, log::Partition>;  // of the sub-topology in the plan, so that tasks are opened in its order
  std::map<Key, Slot> slots_;                          // changed by the owner's thread only
  const Figures retired_ = std::make_shared<Task::Impl::Figures>();
  Sampler waiting_;
};

}  // namespace klamm::inline v0::runtime
