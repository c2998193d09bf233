#include "kafka/take_over.hpp"

#include <pthread.h>

#include <algorithm>
#include <chrono>

namespace klamm::inline v0::rdkafka {
namespace {

// Longer than commits take; a suspicion that nobody has repeated for so long is over; looks in between.
constexpr std::int64_t patience_ms = 500, forget_ms = 3'000, between_ms = 2'000;

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

TakeOver::~TakeOver() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void TakeOver::suspect(const std::string& group) {
  const std::int64_t now = now_ms();
  const std::lock_guard lock{mutex_};
  Suspicion& suspicion = groups_[group];
  if (now - suspicion.last_ms > forget_ms) suspicion.since_ms = now;
  suspicion.last_ms = now;
  if (now - suspicion.since_ms < patience_ms) return;
  if (!thread_.joinable()) {
    thread_ = std::thread{[this] { work(); }};
    pthread_setname_np(thread_.native_handle(), "klamm-takeover");
  }
  changed_.notify_all();
}

void TakeOver::work() {
  std::unique_lock lock{mutex_};
  while (!stopping_) {
    const std::int64_t now = now_ms();
    const auto due = std::find_if(groups_.begin(), groups_.end(), [now](const auto& each) {
      const Suspicion& s = each.second;
      return s.last_ms - s.since_ms >= patience_ms && now - s.last_ms < forget_ms && now - s.looked_ms >= between_ms;
    });
    if (due == groups_.end()) {
      changed_.wait_for(lock, std::chrono::milliseconds{groups_.empty() ? 60'000 : between_ms});
      continue;
    }
    due->second.looked_ms = now;
    const std::string group = due->first;
    lock.unlock();
    look_into(group);
    lock.lock();
  }
}

void TakeOver::look_into(const std::string& group) {
  const auto signatures = admin_.signatures(group);
  const auto alive = signatures.ok() ? admin_.instances(group) : signatures.status();
  if (!alive.ok()) return cluster_.line(Level::warning, alive.status().message());  // and is looked into again
  const Signature self = cluster_.signature();
  std::set<std::string> left;
  for (const auto& [instance, producers] : *signatures) {
    const bool own = instance == self.instance;
    if (instance.empty() || (!own && alive->contains(instance))) continue;
    for (const std::string& producer : producers) {
      // Of an earlier life of this process, with more workers.
      const bool in_use = own && std::find(self.producers.begin(), self.producers.end(), producer) != self.producers.end();
      if (!in_use) left.insert(Signature::transactional_id(producer, instance));
    }
  }
  for (const std::string& id : left) end(id);
}

void TakeOver::end(const std::string& transactional_id) {
  {
    const std::lock_guard lock{mutex_};
    if (stopping_) return;
  }
  Callbacks callbacks{cluster_};
  const auto handle = make_handle(Kind::transactional, cluster_, callbacks, transactional_id);
  const std::string what = "transactions of \"" + transactional_id + "\", whose process is gone: ";
  if (!handle.ok()) return cluster_.line(Level::warning, what + handle.status().message());
  const Failure failure = failure_of(rd_kafka_init_transactions(handle->get(), cluster_.timeout_ms()));
  cluster_.line(failure.ok() ? Level::info : Level::warning, what + (failure.ok() ? "ended" : failure.text));
}

}  // namespace klamm::inline v0::rdkafka
