#include "runtime/worker.hpp"

#include <algorithm>
#include <chrono>

#include "ports/fault.hpp"

namespace klamm::inline v0::runtime {
namespace {

constexpr std::size_t smallest_batch = 1, largest_batch = 2048;
constexpr std::size_t restore_batch = 4096;
constexpr std::size_t between_answers = 256;  // records
constexpr std::int64_t idle_wait_ms = 200;

}  // namespace

Worker::Worker(Environment& environment, int number) : env_{&environment}, number_{number} {}

Worker::~Worker() {
  // Their wake-ups end before what they use goes.
  tasks_.clear();
  producer_.reset();
}

Status Worker::open() {
  Result<std::unique_ptr<log::Producer>> producer =
      env_->log.producer(env_->plan.application_id + "-worker-" + std::to_string(number_), env_->settings.guarantee, [this] { wake(); });
  if (!producer.ok()) return producer.status();
  producer_ = std::move(*producer);
  last_commit_ms_ = env_->clock.steady_ms();
  return {};
}

void Worker::wake() {
  {
    const std::lock_guard lock{mutex_};
    wake_ = true;
  }
  waked_.notify_one();
}

void Worker::wait_until(std::int64_t steady_ms) {
  const std::int64_t left = steady_ms - env_->clock.steady_ms();
  std::unique_lock lock{mutex_};
  if (left > 0) waked_.wait_for(lock, std::chrono::milliseconds{left}, [this] { return wake_; });
  wake_ = false;
}

bool Worker::post(std::function<void()> job) {
  {
    const std::lock_guard lock{mutex_};
    if (mail_closed_) return false;
    mail_.push_back(std::move(job));
    wake_ = true;
  }
  waked_.notify_one();
  return true;
}

bool Worker::ask(std::function<void(Worker&)> question) {
  {
    const std::lock_guard lock{mutex_};
    if (mail_closed_) return false;
    questions_.push_back(std::move(question));
    asked_.store(true, std::memory_order_relaxed);
    wake_ = true;
  }
  waked_.notify_one();
  return true;
}

bool Worker::answer() {
  if (!asked_.load(std::memory_order_relaxed)) return false;
  std::vector<std::function<void(Worker&)>> questions;
  {
    const std::lock_guard lock{mutex_};
    questions.swap(questions_);
    asked_.store(false, std::memory_order_relaxed);
  }
  for (const auto& question : questions) question(*this);
  return true;
}

void Worker::adopt(std::unique_ptr<Task::Impl> task) {
  ++task_count_;
  const std::shared_ptr<std::unique_ptr<Task::Impl>> shared = std::make_shared<std::unique_ptr<Task::Impl>>(std::move(task));
  static_cast<void>(post([this, shared] {
    Task::Impl& adopted = **shared;
    adopted.set_wake([this] { wake(); });
    adopted.figures()->worker = number_;
    tasks_.push_back(std::move(*shared));
    if (Status status = adopted.attach(*producer_); status.code() == Code::unavailable)
      end(adopted, Task::Impl::Ending::drop);  // and is opened anew
    else if (!status.ok())
      fail(status);
  }));
}

Status Worker::failure() const {
  const std::lock_guard lock{mutex_};
  return failure_;
}

void Worker::fail(Status status) {
  const std::lock_guard lock{mutex_};
  if (failure_.ok()) failure_ = std::move(status);
  stopping_ = true;
}

bool Worker::run_mail() {
  std::vector<std::function<void()>> mail;
  {
    const std::lock_guard lock{mutex_};
    mail.swap(mail_);
  }
  for (auto& job : mail) {
    try {
      job();
    } catch (...) {  // who waits for the job is told by its end
    }
  }
  return !mail.empty();
}

Worker::Step Worker::step() {
  Step step;
  step.wake_at_ms = env_->clock.steady_ms() + idle_wait_ms;
  if (finished_) {
    step.finished = true;
    return step;
  }
  step.worked = run_mail();
  answer();
  if (Status status = guarded_turn(step); !status.ok()) {
    fail(status);
    step.worked = true;
  }
  // How a commit ends that was sent to a log which is away now, the next start finds out.
  const bool settled = !in_flight_ || (abandoned_ && !env_->log.connected());
  if (stopping_ && settled && (!failure().ok() || abandoned_ || (!mend(step) && !dirty()))) finish(step);
  return step;
}

Status Worker::guarded_turn(Step& step) {
  try {
    return turn(step);
  } catch (const std::exception& e) {
    return {Code::internal, "worker " + std::to_string(number_) + ": " + e.what()};
  } catch (...) {
    return {Code::internal, "worker " + std::to_string(number_) + ": something was thrown that is no std::exception"};
  }
}

Status Worker::turn(Step& step) {
  if (Status status = drop_lost(step); !status.ok()) return status;
  if (Status status = go_on_committing(step); !status.ok()) return status;
  if (!failure().ok()) return {};
  if (Status status = drop_lost(step); !status.ok()) return status;
  if (Status status = close_released(step); !status.ok()) return status;
  if (!stopping_) {
    if (Status status = run_tasks(step); !status.ok()) return status;
  }
  if (stopping_ && !in_flight_ && !abandoned_ && !std::exchange(processors_closed_, true)) {
    for (const auto& task : tasks_) {
      if (task->restoring()) continue;
      if (Status status = task->close_processors(); !status.ok()) return status;
    }
  }
  if (in_flight_ || abandoned_ || !dirty()) {
    if (!in_flight_) commit_requested_ = false;
    return {};
  }
  const std::int64_t due = last_commit_ms_ + env_->settings.commit_interval.milliseconds();
  const bool now = stopping_ || commit_requested_ || env_->clock.steady_ms() >= due ||
                   producer_->pending_bytes() >= env_->settings.max_pending_bytes / 2 || is_full();
  if (!now) {
    step.wake_at_ms = std::min(step.wake_at_ms, due);
    return {};
  }
  step.worked = true;
  if (Status status = begin_commit(); !status.ok()) return status;
  return go_on_committing(step);
}

Status Worker::run_tasks(Step& step) {
  const bool held_back = producer_->pending_bytes() >= env_->settings.max_pending_bytes;
  if (held_back) ++figures_.held_back;
  int busy = 0;
  for (const auto& task : tasks_) {
    if (task->ending() != Task::Impl::Ending::none) continue;
    if (task->restoring()) {
      Result<bool> restored = task->restore_some(restore_batch);
      if (!restored.ok()) return restored.status();
      step.worked = step.worked || *restored;
      if (!*restored) step.wake_at_ms = std::min(step.wake_at_ms, env_->clock.steady_ms() + retry_ms);
      continue;
    }
    if (task->tick(env_->clock.steady_ms())) step.worked = true;
    Result<bool> firm = stands_firm(*task, step);
    if (!firm.ok()) return firm.status();
    if (!*firm) continue;
    if (held_back || task.get() == leaving_) continue;
    const std::int64_t start = env_->clock.steady_ms();
    enter(*task, start);
    Result<bool> fired = task->punctuate_wall_clock();
    Result<std::size_t> done = fired.ok() ? process(*task) : fired.status();
    task_started_ms_.store(0, std::memory_order_relaxed);
    if (!done.ok()) {
      if (Status status = judge(*task, done.status(), step); !status.ok()) return status;
      continue;
    }
    step.worked = step.worked || *fired;
    step.wake_at_ms = std::min(step.wake_at_ms, task->punctuate_at_ms());
    if (task->take_commit_wish()) commit_requested_ = true;
    if (*done == 0) continue;
    ++busy;
    in_generation_ += *done;
    const std::int64_t took = env_->clock.steady_ms() - start;
    if (took > 8)
      batch_ = std::max(batch_ / 2, smallest_batch);
    else if (took < 3 && *done >= batch_)
      batch_ = std::min(batch_ * 2, largest_batch);
  }
  busy_tasks_ = busy;
  step.worked = step.worked || busy != 0;
  return {};
}

Result<std::size_t> Worker::process(Task::Impl& task) {
  std::size_t sum = 0, limit = batch_;
  if (most_per_commit_ != 0) limit = std::min(limit, most_per_commit_ - std::min(most_per_commit_, in_generation_));
  while (sum < limit) {
    const std::size_t wanted = std::min(limit - sum, between_answers);
    Result<std::size_t> done = task.process_some(wanted);
    if (!done.ok()) return done;
    sum += *done;
    if (*done < wanted) break;
    answer();
  }
  return sum;
}

void Worker::enter(const Task::Impl& task, std::int64_t now) {
  if (task_at_work_ != task.figures()) {
    const std::lock_guard lock{mutex_};
    task_at_work_ = task.figures();
  }
  task_started_ms_.store(now, std::memory_order_relaxed);
}

std::shared_ptr<Task::Impl::Figures> Worker::at_work_since(std::int64_t steady_ms) const {
  const std::int64_t started = task_started_ms_.load(std::memory_order_relaxed);
  if (started == 0 || started > steady_ms) return nullptr;
  const std::lock_guard lock{mutex_};
  return task_at_work_;
}

bool Worker::dirty() const {
  return std::any_of(tasks_.begin(), tasks_.end(), [](const auto& task) { return !task->restoring() && task->dirty(); });
}

Status Worker::begin_commit() {
  commit_requested_ = false;
  for (const auto& task : tasks_) {
    if (task->restoring() || !task->dirty()) continue;
    ports::reached("commit: before a task's changelog");
    enter(*task, env_->clock.steady_ms());
    Status status = task->begin_commit(*producer_);
    task_started_ms_.store(0, std::memory_order_relaxed);
    if (!status.ok()) return status;
  }
  if (Worker* other = move_to_.exchange(nullptr); other != nullptr && leaving_ == nullptr && tasks_.size() > 1) {
    const auto movable = std::find_if(tasks_.rbegin(), tasks_.rend(),
                                      [](const auto& task) { return !task->restoring() && task->ending() == Task::Impl::Ending::none; });
    if (movable != tasks_.rend()) leaving_ = movable->get(), leaving_to_ = other;
  }
  ports::reached("commit: drained");
  in_flight_ = true;
  in_generation_ = 0;
  commit_ = Commit::preparing;
  producer_->prepare();
  last_commit_ms_ = env_->clock.steady_ms();
  return {};
}

Status Worker::go_on_committing(Step& step) {
  if (commit_ == Commit::preparing) {
    const std::optional<log::Producer::Prepared> prepared = producer_->prepared();
    if (!prepared) return {};
    step.worked = true;
    if (!prepared->status.ok()) return end_commit(prepared->status);
    return send_offsets(*prepared);
  }
  if (commit_ == Commit::none) return {};
  const std::optional<log::CommitOutcome> outcome = producer_->poll();
  if (!outcome) return {};
  step.worked = true;
  return end_commit(outcome->status);
}

Status Worker::send_offsets(const log::Producer::Prepared& prepared) {
  std::vector<log::OffsetCommit> offsets;
  for (const auto& task : tasks_) task->add_offsets(prepared.ends, offsets);
  ports::reached("commit: prepared");
  const std::lock_guard sending{env_->sending};
  if (std::any_of(tasks_.begin(), tasks_.end(), [](const auto& task) { return task->figures()->lost && task->has_written(); }))
    return go_back();
  commit_ = Commit::sent;
  producer_->commit(env_->plan.application_id, std::move(offsets), {});
  return {};
}

Status Worker::end_commit(const Status& outcome) {
  commit_ = Commit::none;
  if (outcome.ok()) {
    ports::reached("commit: in the log");
    ++figures_.commits;
    aborts_in_a_row_ = 0;
    if (most_per_commit_ != 0) most_per_commit_ = 2 * most_per_commit_ > largest_batch ? 0 : 2 * most_per_commit_;
    Status settled;
    for (const auto& task : tasks_) {
      if (Status status = task->settle(); !status.ok()) settled = status;
    }
    in_flight_ = false;
    if (!settled.ok()) return settled;
    ports::reached("commit: settled");
    hand_over();
    return {};
  }
  in_flight_ = false;
  if (outcome.code() != Code::aborted) return outcome;
  ++figures_.aborts;
  in_generation_ = 0;
  // Perhaps the transaction took too long: records are committed one by one then, and more again when that goes well.
  if (++aborts_in_a_row_ >= 2) most_per_commit_ = 1;
  if (const std::int64_t times = aborted_.admit(env_->clock); times != 0) {
    env_->logger(Level::warning, "commit", "a commit was aborted, going back to the last one: " + outcome.message(),
                 {{"times", std::to_string(times)}});
  }
  for (const auto& task : tasks_) {
    ports::reached("commit: aborted");
    if (Status status = task->abort(); !status.ok()) return status;
    // A log that lost sight of the commit may have it after all.
    if (!task->restoring()) task->doubt();
  }
  leaving_ = nullptr;
  return {};
}

void Worker::hand_over() {
  if (leaving_ == nullptr) return;
  const auto found = std::find_if(tasks_.begin(), tasks_.end(), [this](const auto& task) { return task.get() == leaving_; });
  leaving_ = nullptr;
  if (found == tasks_.end() || (*found)->dirty() || (*found)->ending() != Task::Impl::Ending::none) return;
  const std::lock_guard moving{env_->moves};
  if (env_->visits != 0 || leaving_to_->stopping_) return;
  std::unique_ptr<Task::Impl> task = std::move(*found);
  tasks_.erase(found);
  --task_count_;
  env_->logger(Level::info, "scheduler", "task " + task->name() + " moves to an idle worker",
               {{"from", std::to_string(number_)}, {"to", std::to_string(leaving_to_->number())}});
  leaving_to_->adopt(std::move(task));
}

void Worker::crash(KeptStores& kept) {
  for (const auto& task : tasks_) task->crash(kept);
  tasks_.clear();
}

void Worker::finish(Step& step) {
  if (!failure().ok() || abandoned_) {
    if (commit_ != Commit::sent) producer_->abort();
    for (const auto& task : tasks_) {
      if (!task->restoring()) static_cast<void>(task->abort());
    }
  }
  for (const auto& task : tasks_) {
    if (Status status = task->close(); !status.ok()) fail(status);
  }
  {
    const std::lock_guard lock{mutex_};
    mail_closed_ = true;
  }
  static_cast<void>(run_mail());  // whoever came in time gets an answer
  answer();
  tasks_.clear();
  task_count_ = 0;
  finished_ = true;
  step.finished = true;
}

}  // namespace klamm::inline v0::runtime
