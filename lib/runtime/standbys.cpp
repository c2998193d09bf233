#include "runtime/standbys.hpp"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "runtime/succession.hpp"

namespace klamm::inline v0::runtime {
namespace {

constexpr std::size_t replay_batch = 4096;
constexpr std::int64_t retry_ms = 100;    // what the log can't tell yet
constexpr std::int64_t anew_ms = 10'000;  // after a failure
constexpr std::int64_t idle_wait_ms = 100;

}  // namespace

Standbys::Standbys(Environment& environment, const Assignment& assignment) : env_{environment}, assignment_{assignment} {}

Standbys::~Standbys() { join(); }

void Standbys::run() {
  thread_ = std::thread{[this] { loop(); }};
  pthread_setname_np(thread_.native_handle(), "klamm-standby");
}

void Standbys::loop() {
  while (!stopping_) {
    bool worked = false;
    try {
      worked = step();
    } catch (const std::exception& e) {
      env_.logger(Level::error, "standby", std::string{"standbys: "} + e.what());
    }
    std::unique_lock lock{sleeping_};
    // Who opens a task goes first.
    if (takers_ > 0) wake_.wait_for(lock, std::chrono::milliseconds{10}, [this] { return takers_ == 0 || stopping_; });
    if (!worked) wake_.wait_for(lock, std::chrono::milliseconds{idle_wait_ms}, [this] { return changed_ || stopping_; });
  }
  close_all();
}

void Standbys::request_stop() {
  {
    const std::lock_guard lock{sleeping_};
    stopping_ = true;
  }
  wake_.notify_all();
}

void Standbys::join() {
  request_stop();
  if (thread_.joinable()) thread_.join();
}

void Standbys::close_all() {
  const std::lock_guard lock{mutex_};
  for (auto& [key, slot] : slots_) close(*slot.standby);
  slots_.clear();
}

bool Standbys::step() {
  const std::int64_t now = env_.clock.steady_ms();
  if (changed_.exchange(false) || now >= place_at_ms_) place(now);
  std::vector<Key> keys;
  {
    const std::lock_guard lock{mutex_};
    for (const auto& [key, slot] : slots_) keys.push_back(key);
  }
  bool worked = false;
  for (const Key& key : keys) {
    if (stopping_) return false;
    follow(key, now);
    const std::lock_guard lock{mutex_};
    const auto slot = slots_.find(key);
    if (slot == slots_.end()) continue;  // given away meanwhile
    Result<bool> replayed = slot->second.standby->replay(replay_batch);
    if (!replayed.ok()) {
      drop(slot->second, replayed.status().message());
      slot->second.follow_at_ms = now + anew_ms;
      continue;
    }
    worked = worked || *replayed;
    slot->second.standby->tick(now);
  }
  publish();
  return worked;
}

void Standbys::place(std::int64_t now) {
  place_at_ms_ = now + env_.settings.standby_placement.milliseconds();
  Result<log::GroupDescription> group = env_.log.describe(env_.plan.application_id);
  const auto self = group.ok() ? std::find_if(group->members.begin(), group->members.end(), [](const auto& m) { return m.self; })
                               : std::vector<log::GroupMember>::iterator{};
  if (!group.ok() || self == group->members.end()) {
    place_at_ms_ = now + std::min<std::int64_t>(1'000, env_.settings.standby_placement.milliseconds());
    return;
  }
  const Successors next = successors(*group, env_.settings.standby_replicas);
  const std::lock_guard lock{mutex_};
  for (std::size_t i = 0; i < env_.plan.subs.size(); ++i) {
    const SubPlan& sub = env_.plan.subs[i];
    if (sub.stores.empty()) continue;
    for (log::Partition p = 0; p < sub.partitions; ++p) {
      const auto found = next.find({env_.plan.topic_name(sub.inputs.front()), p});
      if (found == next.end()) continue;  // on its way: all stays as it is
      const bool wanted = std::find(found->second.begin(), found->second.end(), self->id) != found->second.end();
      const auto slot = slots_.find({i, p});
      // What is this member's by now is taken by its task.
      if (!assignment_.is_free(sub, p)) continue;
      if (wanted && slot == slots_.end()) slots_[{i, p}].standby = std::make_unique<Standby>(env_, sub, p);
      if (wanted || slot == slots_.end()) continue;
      close(*slot->second.standby);
      slots_.erase(slot);
    }
  }
  let_go_of_kept();
}

void Standbys::follow(const Key& key, std::int64_t now) {
  std::vector<log::TopicPartition> inputs;
  {
    const std::lock_guard lock{mutex_};
    const auto slot = slots_.find(key);
    if (slot == slots_.end() || now < slot->second.follow_at_ms) return;
    inputs = slot->second.standby->inputs();
  }
  // Without the lock: it may take its time.
  Result<std::vector<std::optional<log::Committed>>> committed = env_.log.committed(env_.plan.application_id, inputs);
  const std::lock_guard lock{mutex_};
  const auto found = slots_.find(key);
  if (found == slots_.end()) return;
  Slot& slot = found->second;
  slot.follow_at_ms = now + retry_ms;
  if (!committed.ok()) return;
  // A task of this instance that has not closed its files yet, or is about to open them.
  if (!assignment_.is_free(slot.standby->sub(), slot.standby->partition())) return;
  const Status status = slot.standby->follow(*committed);
  if (status.code() == Code::unavailable) return;
  slot.follow_at_ms = now + env_.settings.standby_interval.milliseconds();
  if (status.ok()) return;
  drop(slot, status.message());
  slot.follow_at_ms = now + anew_ms;
}

void Standbys::close(Standby& standby) {
  if (env_.settings.state_dir.empty()) {
    const std::lock_guard keeping{env_.keeping};
    standby.release(env_.kept);
  } else if (Status status = standby.close(); !status.ok()) {
    env_.logger(Level::warning, "standby", status.message());
  }
}

void Standbys::drop(Slot& slot, const std::string& why) {
  Standby& standby = *slot.standby;
  static_cast<void>(standby.close());
  slot.standby = std::make_unique<Standby>(env_, standby.sub(), standby.partition());
  if (const std::int64_t times = failed_.admit(env_.clock); times != 0)
    env_.logger(Level::warning, "standby", "a standby begins anew: " + why, {{"times", std::to_string(times)}});
}

void Standbys::let_go_of_kept() {
  if (env_.settings.state_dir.empty()) return;  // else they are in files
  const std::lock_guard keeping{env_.keeping};
  for (auto kept = env_.kept.begin(); kept != env_.kept.end();) {
    const auto& [store, partition] = kept->first;
    const auto sub = std::find_if(env_.plan.subs.begin(), env_.plan.subs.end(), [&](const SubPlan& each) {
      return std::any_of(each.stores.begin(), each.stores.end(), [&](const StorePlan& plan) { return plan.name == store; });
    });
    const bool needed = sub != env_.plan.subs.end() && !assignment_.is_free(*sub, partition);
    if (!needed) static_cast<void>(kept->second.store->close());
    kept = needed ? std::next(kept) : env_.kept.erase(kept);
  }
}

void Standbys::crash(KeptStores& kept) {
  const std::lock_guard lock{mutex_};
  for (auto& [key, slot] : slots_) slot.standby->release(kept);
  slots_.clear();
}

void Standbys::group_changed() {
  {
    const std::lock_guard lock{sleeping_};
    changed_ = true;
  }
  wake_.notify_all();
}

void Standbys::give(const std::string& store, log::Partition partition) {
  ++takers_;
  {
    const std::lock_guard lock{mutex_};
    const auto slot = std::find_if(slots_.begin(), slots_.end(),
                                   [&](const auto& entry) { return entry.first.second == partition && entry.second.standby->has(store); });
    if (slot != slots_.end()) {
      const std::lock_guard keeping{env_.keeping};
      slot->second.standby->release(env_.kept);
      slots_.erase(slot);
    }
  }
  {
    const std::lock_guard lock{sleeping_};
    --takers_;
  }
  wake_.notify_all();
}

void Standbys::publish() {
  std::vector<StandbyFigures> figures;
  {
    const std::lock_guard lock{mutex_};
    for (const auto& [key, slot] : slots_) {
      for (const auto& store : slot.standby->stores())
        figures.push_back({store->plan().name, key.second, store->lag(), store->restored(), store->store().size()});
    }
  }
  const std::lock_guard lock{publishing_};
  published_ = std::move(figures);
}

std::vector<StandbyFigures> Standbys::figures() const {
  const std::lock_guard lock{publishing_};
  return published_;
}

}  // namespace klamm::inline v0::runtime
