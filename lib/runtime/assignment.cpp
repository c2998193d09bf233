#include "runtime/assignment.hpp"

#include <algorithm>

#include "runtime/announce.hpp"

namespace klamm::inline v0::runtime {
namespace {

constexpr std::int64_t retry_ms = 100;
/// Tasks whose offsets can't be read hold the thread up for a while each: some in one round, the others in the next.
constexpr int unavailable_per_round = 3;

}  // namespace

Assignment::Assignment(Environment& environment, const std::vector<std::unique_ptr<Worker>>& workers)
    : env_{environment}, workers_{workers} {
  retired_->operators = std::vector<Task::Impl::Figures::PerOperator>(environment.plan.graph->nodes.size());
  retired_->restoring = false;
  retired_->closed = true;
}

void Assignment::add(std::span<const log::TopicPartition> leaders) {
  const std::lock_guard lock{mutex_};
  for (std::size_t i = 0; i < env_.plan.subs.size(); ++i) {
    const SubPlan& sub = env_.plan.subs[i];
    for (const log::TopicPartition& tp : leaders) {
      if (tp.topic != env_.plan.topic_name(sub.inputs.front())) continue;
      // Added later: only where nothing is kept by partition can they be taken (Engine::look_at_topics says what about the others).
      if (tp.partition >= sub.partitions && (!sub.stores.empty() || sub.inputs.size() > 1)) continue;
      Slot& slot = slots_[{i, tp.partition}];
      slot.sub = &sub;
      slot.mine = true;
      slot.retry_at_ms = 0;
    }
  }
}

Assignment::Slot* Assignment::find(const log::TopicPartition& leader) {
  for (auto& [key, slot] : slots_) {
    if (key.second == leader.partition && env_.plan.topic_name(slot.sub->inputs.front()) == leader.topic) return &slot;
  }
  return nullptr;
}

void Assignment::remove(std::span<const log::TopicPartition> leaders, Task::Impl::Ending how) {
  std::vector<Figures> tasks;
  {
    const std::lock_guard lock{mutex_};
    for (const log::TopicPartition& tp : leaders) {
      Slot* slot = find(tp);
      if (slot == nullptr) continue;
      slot->mine = false;
      if (slot->figures != nullptr) tasks.push_back(slot->figures);
    }
  }
  if (how == Task::Impl::Ending::drop) {
    const std::lock_guard sending{env_.sending};
    for (const Figures& task : tasks) task->lost = true;
  }
  // A task on its way from one worker to another is in the other's mail already, before this.
  const std::lock_guard moving{env_.moves};
  for (const auto& worker : workers_) worker->release(tasks, how);
}

bool Assignment::ended(std::span<const log::TopicPartition> leaders) const {
  const std::lock_guard lock{mutex_};
  return std::all_of(leaders.begin(), leaders.end(), [this](const log::TopicPartition& tp) {
    const Slot* slot = find(tp);
    return slot == nullptr || slot->figures == nullptr || slot->figures->closed;
  });
}

bool Assignment::is_free(const SubPlan& sub, log::Partition partition) const {
  const std::lock_guard lock{mutex_};
  const auto found = std::find_if(slots_.begin(), slots_.end(),
                                  [&](const auto& entry) { return entry.second.sub == &sub && entry.first.second == partition; });
  return found == slots_.end() || (!found->second.mine && (found->second.figures == nullptr || found->second.figures->closed));
}

std::size_t Assignment::size() const {
  const std::lock_guard lock{mutex_};
  return static_cast<std::size_t>(std::count_if(slots_.begin(), slots_.end(), [](const auto& entry) { return entry.second.mine; }));
}

Status Assignment::open_missing() {
  const std::int64_t now = env_.clock.steady_ms();
  int unavailable = 0;
  std::vector<Opened> opened;
  for (auto& [key, slot] : slots_) {
    if (slot.figures != nullptr && slot.figures->closed) retire(slot);
    if (!slot.mine || slot.figures != nullptr || slot.retry_at_ms > now || unavailable == unavailable_per_round) continue;
    Result<std::unique_ptr<Task::Impl>> task = open(*slot.sub, key.second);
    if (task.status().code() == Code::unavailable) {
      ++unavailable;
      slot.retry_at_ms = now + retry_ms;
      if (const std::int64_t times = waiting_.admit(env_.clock); times != 0) {
        env_.logger(Level::info, "group",
                    "task " + slot.sub->name + '/' + std::to_string(key.second) + " waits: " + task.status().message(),
                    {{"times", std::to_string(times)}});
      }
      continue;
    }
    if (!task.ok()) return task.status();
    opened.push_back({&slot, *std::move(task)});
  }
  return hand_over(std::move(opened));
}

Result<std::unique_ptr<Task::Impl>> Assignment::open(const SubPlan& sub, log::Partition partition) {
  auto task = std::make_unique<Task::Impl>(env_, sub, partition);
  Status status;
  try {
    status = task->open();
  } catch (const std::exception& e) {
    status = {Code::failed_precondition, "task " + task->name() + ": a function that makes its operators (per_task) threw: " + e.what(),
              sub.name};
  } catch (...) {
    status = {Code::failed_precondition, "task " + task->name() + ": a function that makes its operators (per_task) threw", sub.name};
  }
  if (status.ok()) return task;
  task->give_back();
  return status;
}

Status Assignment::hand_over(std::vector<Opened> opened) {
  // All readers of repartition topics say what these hold before the first writer runs.
  std::vector<log::OffsetCommit> marks;
  for (const Opened& each : opened) {
    if (auto mark = each.task->announcement()) marks.push_back(*std::move(mark));
  }
  if (Status status = announce(env_, marks); !status.ok()) {
    if (status.code() != Code::unavailable) return status;
    for (const Opened& each : opened) each.slot->retry_at_ms = env_.clock.steady_ms() + retry_ms;
    return {};
  }
  for (Opened& each : opened) {
    {
      const std::lock_guard lock{mutex_};
      each.slot->figures = each.task->figures();
    }
    const auto fewest =
        std::min_element(workers_.begin(), workers_.end(), [](const auto& a, const auto& b) { return a->tasks() < b->tasks(); });
    (*fewest)->adopt(std::move(each.task));
  }
  return {};
}

void Assignment::retire(Slot& slot) {
  const std::lock_guard lock{mutex_};
  const Task::Impl::Figures& of = *slot.figures;
  retired_->processed += of.processed;
  retired_->skipped += of.skipped;
  retired_->dropped += of.dropped;
  for (std::size_t i = 0; i < of.operators.size(); ++i) {
    retired_->operators[i].skipped += of.operators[i].skipped;
    retired_->operators[i].dropped += of.operators[i].dropped;
  }
  slot.figures = nullptr;
}

std::vector<Assignment::Figures> Assignment::figures() const {
  const std::lock_guard lock{mutex_};
  std::vector<Figures> all{retired_};
  for (const auto& [key, slot] : slots_) {
    if (slot.figures != nullptr) all.push_back(slot.figures);
  }
  return all;
}

std::vector<Assignment::Owner> Assignment::owners(const SubPlan& sub) const {
  std::vector<Owner> owners(static_cast<std::size_t>(sub.partitions));
  const std::lock_guard lock{mutex_};
  for (const auto& [key, slot] : slots_) {
    if (slot.sub == &sub) owners[static_cast<std::size_t>(key.second)] = {slot.mine, slot.figures};
  }
  return owners;
}

bool Assignment::restoring() const {
  const std::lock_guard lock{mutex_};
  return std::any_of(slots_.begin(), slots_.end(), [](const auto& entry) {
    const Slot& slot = entry.second;
    return slot.mine && (slot.figures == nullptr || (slot.figures->restoring && !slot.figures->closed));
  });
}

}  // namespace klamm::inline v0::runtime
