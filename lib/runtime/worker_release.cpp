// How a worker ends some of its tasks while the others go on.

#include <algorithm>

#include "runtime/worker.hpp"

namespace klamm::inline v0::runtime {

using Ending = Task::Impl::Ending;

void Worker::release(std::vector<std::shared_ptr<Task::Impl::Figures>> tasks, Ending how) {
  static_cast<void>(post([this, tasks = std::move(tasks), how] {
    for (const auto& task : tasks_) {
      if (std::find(tasks.begin(), tasks.end(), task->figures()) != tasks.end()) end(*task, how);
    }
  }));
}

void Worker::end(Task::Impl& task, Ending how) {
  task.end(how);
  ending_ = true;
}

Status Worker::drop_lost(Step& step) {
  const auto lost = [](const auto& task) { return task->ending() == Ending::drop; };
  if (!ending_ || commit_ == Commit::sent || std::none_of(tasks_.begin(), tasks_.end(), lost)) return {};
  step.worked = true;
  // What they have written stands among the others' records: all go back, and nobody is harmed but by doing some work again.
  if (std::any_of(tasks_.begin(), tasks_.end(), [&](const auto& task) { return lost(task) && task->has_written(); })) {
    if (Status status = go_back(); !status.ok()) return status;
  }
  return close_if(lost);
}

// Whoever wakes up after he was thought dead writes what is stale, joins, and so makes the task move: it is not let go before that is
// mended.
bool Worker::mend(Step& step) {
  bool mending = false;
  for (const auto& task : tasks_) {
    if (task->restoring() || !task->is_mending()) continue;
    static_cast<void>(task->tick(env_->clock.steady_ms()));
    mending = mending || task->is_mending();
  }
  if (mending) step.wake_at_ms = std::min(step.wake_at_ms, env_->clock.steady_ms() + mend_ms);
  return mending;
}

Status Worker::close_released(Step& step) {
  if (!ending_) return {};
  static_cast<void>(mend(step));
  ending_ = std::any_of(tasks_.begin(), tasks_.end(), [](const auto& task) { return task->ending() != Ending::none; });
  for (const auto& task : tasks_) {
    if (task->ending() != Ending::commit || in_flight_ || task->restoring()) continue;
    if (Status status = task->close_processors(); !status.ok()) return status;
  }
  const auto done = [](const auto& task) {
    return task->ending() == Ending::commit && (task->restoring() || (!task->dirty() && !task->is_mending()));
  };
  if (!in_flight_ && std::any_of(tasks_.begin(), tasks_.end(), done)) {
    step.worked = true;
    if (Status status = close_if(done); !status.ok()) return status;
  }
  if (std::any_of(tasks_.begin(), tasks_.end(), [](const auto& task) { return task->ending() == Ending::commit; }))
    commit_requested_ = true;
  return {};
}

Status Worker::go_back() {
  producer_->abort();
  commit_ = Commit::none;
  in_flight_ = false;
  in_generation_ = 0;
  leaving_ = nullptr;
  for (const auto& task : tasks_) {
    if (task->restoring()) continue;
    if (Status status = task->abort(); !status.ok()) return status;
  }
  return {};
}

template <class Predicate> Status Worker::close_if(const Predicate& predicate) {
  Status first;
  for (const auto& task : tasks_) {
    if (!predicate(task)) continue;
    if (leaving_ == task.get()) leaving_ = nullptr;
    if (Status status = task->close(); !status.ok() && first.ok()) first = status;
    --task_count_;
  }
  std::erase_if(tasks_, [](const auto& task) { return task->figures()->closed.load(); });
  return first;
}

Result<bool> Worker::stands_firm(Task::Impl& task, Step& step) {
  if (!task.in_doubt()) return true;
  Result<Task::Impl::Standing> standing = task.compare_with_log();
  if (!standing.ok()) return standing.status();
  if (*standing == Task::Impl::Standing::same) return true;
  if (*standing == Task::Impl::Standing::unknown) {
    step.wake_at_ms = std::min(step.wake_at_ms, env_->clock.steady_ms() + retry_ms);
    return false;
  }
  env_->logger(Level::warning, "task", "task " + task.name() + ": the log has a commit that this task does not know, it is opened anew");
  end(task, Ending::drop);
  step.worked = true;
  return false;
}

Status Worker::judge(Task::Impl& task, const Status& failed, Step& step) {
  if (failed.code() == Code::unavailable) {  // the log is away
    step.wake_at_ms = std::min(step.wake_at_ms, env_->clock.steady_ms() + retry_ms);
    return {};
  }
  if (failed.code() != Code::out_of_range) return failed;
  // Whoever has the partition by now has let go of what this task still wants to read; else the records are gone indeed.
  task.doubt();
  const Result<bool> firm = stands_firm(task, step);
  if (!firm.ok()) return firm.status();
  return *firm ? failed : Status{};
}

}  // namespace klamm::inline v0::runtime
