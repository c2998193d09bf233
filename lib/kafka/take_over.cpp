#include "kafka/take_over.hpp"

#include <pthread.h>

#include <algorithm>
#include <chrono>

namespace klamm::inline v0::rdkafka {
namespace {

// Longer than commits take; a suspicion that nobody has repeated for so long is over; looks in between.
constexpr std::int64_t patience_ms = 500, forget_ms = 3'000, between_ms = 2'000;
// Beside a transaction's own time, until nothing else helps than to end one's own.
constexpr std::int64_t own_patience_ms = 2'000;

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
    const std::int64_t lasts_ms = now - due->second.since_ms;
    lock.unlock();
    look_into(group, lasts_ms);
    lock.lock();
  }
}

void TakeOver::look_into(const std::string& group, std::int64_t lasts_ms) {
  const auto found = admin_.signatures(group);
  const auto alive = found.ok() ? admin_.instances(group) : found.status();
  if (!alive.ok()) return cluster_.line(Level::warning, alive.status().message());  // and is looked into again
  const Signature self = cluster_.signature();
  const bool too_long = lasts_ms > own_patience_ms + cluster_.options().transaction_timeout.milliseconds();
  std::map<std::string, log::TopicPartition> left;
  for (const auto& [input, signature] : *found) {
    const auto& [instance, producers] = signature;
    const bool own = instance == self.instance;
    if (instance.empty() || (!own && alive->contains(instance))) continue;
    for (const std::string& producer : producers) {
      // Those that are not in use are of an earlier life of this process, with more workers.
      const bool in_use = own && std::find(self.producers.begin(), self.producers.end(), producer) != self.producers.end();
      if (!in_use || too_long) left.emplace(Signature::transactional_id(producer, instance), input);
    }
  }
  for (const auto& [id, input] : left) end(id, group, input);
}

// Ends what is open of it for the transactions' coordinator, and, by a transaction of nothing, for that of the group: a broker that was
// killed at the wrong moment comes back with offsets that wait for the end of a transaction which has ended.
void TakeOver::end(const std::string& transactional_id, const std::string& group, const log::TopicPartition& input) {
  {
    const std::lock_guard lock{mutex_};
    if (stopping_) return;
  }
  Callbacks callbacks{cluster_};
  const auto handle = make_handle(Kind::transactional, cluster_, callbacks, transactional_id);
  const std::string what = "group \"" + group + "\": its offsets wait for a transaction, perhaps of \"" + transactional_id + "\": ";
  if (!handle.ok()) return cluster_.line(Level::warning, what + handle.status().message());
  const int timeout = cluster_.timeout_ms();
  Failure failure = failure_of(rd_kafka_init_transactions(handle->get(), timeout));
  if (failure.ok()) failure = failure_of(rd_kafka_begin_transaction(handle->get()));
  if (failure.ok()) {
    const PartitionList list{rd_kafka_topic_partition_list_new(1)};
    rd_kafka_topic_partition_list_add(list.get(), input.topic.c_str(), input.partition)->offset = 0;  // never committed
    const GroupMetadata nobody{rd_kafka_consumer_group_metadata_new(group.c_str())};
    failure = failure_of(rd_kafka_send_offsets_to_transaction(handle->get(), list.get(), nobody.get(), timeout));
    Failure aborted = failure_of(rd_kafka_abort_transaction(handle->get(), timeout));
    if (failure.ok()) failure = std::move(aborted);
  }
  cluster_.line(failure.ok() ? Level::info : Level::warning, what + (failure.ok() ? "ended" : failure.text));
}

}  // namespace klamm::inline v0::rdkafka
