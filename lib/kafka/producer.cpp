#include "kafka/producer.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "kafka/outgoing.hpp"

namespace klamm::inline v0::rdkafka {

// Another process has producers of the same names.
Producer::Producer(const Delivery::Shared& shared, const std::string& name, Guarantee guarantee, std::function<void()> wake)
    : shared_{shared},
      name_{Signature::transactional_id(name, shared.cluster.options().instance)},
      guarantee_{guarantee},
      sender_{Delivery::make(shared, name_, guarantee), guarantee, std::move(wake)} {}

Result<std::unique_ptr<log::Producer>> Producer::open(const Delivery::Shared& shared, const std::string& name, Guarantee guarantee,
                                                      std::function<void()> wake) {
  if (guarantee == Guarantee::exactly_once) shared.cluster.sign(name);
  std::unique_ptr<Producer> producer{new Producer{shared, name, guarantee, std::move(wake)}};
  // Brokers that are away are waited for later, by the first commit.
  if (Status status = producer->sender_.wait_until_open(shared.cluster.timeout_ms()); !status.ok()) return status;
  return std::unique_ptr<log::Producer>{std::move(producer)};
}

Result<Producer::Topic> Producer::topic(const std::string& name) {
  if (const auto known = numbers_.find(name); known != numbers_.end()) return known->second;
  auto info = shared_.admin.topic(name);
  if (!info.ok()) return info.status();
  if (!*info) return Status{Code::not_found, "topic \"" + name + "\": does not exist", name};
  const Topic number = static_cast<Topic>(targets_.size());
  const log::Partition partitions = (*info)->state.partitions;
  targets_.push_back({.info = std::move(**info), .runs = {}});
  targets_.back().runs.resize(static_cast<std::size_t>(partitions));
  sender_.add_topic(name, partitions);
  numbers_.emplace(name, number);
  return number;
}

log::Producer::Limits Producer::limits(Topic topic) const {
  const TopicInfo& info = targets_[static_cast<std::size_t>(topic)].info;
  Limits limits;
  if (info.max_message_bytes) limits.bytes = *info.max_message_bytes - std::min(*info.max_message_bytes, record_overhead);
  if (info.timestamps_before_ms) limits.before_ms = *info.timestamps_before_ms;
  if (info.timestamps_after_ms) limits.after_ms = *info.timestamps_after_ms;
  return limits;
}

void Producer::append(Topic topic, log::Partition partition, BytesView key, BytesView value, Timestamp timestamp, BytesView headers) {
  Target& target = targets_[static_cast<std::size_t>(topic)];
  assert(partition >= 0 && partition < target.info.state.partitions);
  const std::size_t size = key.size() + value.size() + headers.size() + record_overhead;
  if (target.info.max_message_bytes && size > *target.info.max_message_bytes) return refuse(target, size);
  open_bytes_ += size;
  auto& run = target.runs[static_cast<std::size_t>(partition)];
  if (run == nullptr) {
    run = sender_.blank();
    run->topic = topic;
    run->partition = partition;
  }
  run->add(key, value, timestamp, headers);
  if (run->full()) sender_.send(std::exchange(run, nullptr));
}

void Producer::refuse(const Target& target, std::size_t size) {
  if (!refused_.ok()) return;
  const std::string& name = target.info.state.name;
  refused_ = {Code::failed_precondition,
              "topic \"" + name + "\": a record of " + std::to_string(size) + " bytes can't be written, the topic takes " +
                  std::to_string(*target.info.max_message_bytes) + " (max.message.bytes): raise that, or make smaller values",
              name};
}

void Producer::prepare() {
  for (Target& target : targets_) {
    for (auto& run : target.runs) {
      if (run != nullptr) sender_.send(std::exchange(run, nullptr));
    }
  }
  committing_bytes_ = std::exchange(open_bytes_, 0);
  refused_prepared_ = std::exchange(refused_, {});
  sender_.prepare();
}

std::optional<Producer::Prepared> Producer::prepared() {
  std::optional<Prepared> prepared = sender_.prepared();
  if (!prepared) return prepared;
  if (prepared->status.ok()) prepared->status = refused_prepared_;
  if (!prepared->status.ok()) {
    committing_bytes_ = 0;
    drop_open();
  }
  return prepared;
}

void Producer::commit(const std::string& group, std::vector<log::OffsetCommit> offsets, std::vector<log::FeedPosition> positions) {
  assert(positions.empty());  // nobody gets a feeder's inlet here
  static_cast<void>(positions);
  // What counts is who this process is now, not when the sender gets to it.
  Membership as = shared_.groups.membership(group, offsets);
  Signature signature = guarantee_ == Guarantee::exactly_once ? shared_.cluster.signature() : Signature{};
  sender_.commit({.group = group, .offsets = std::move(offsets), .as = std::move(as), .signature = std::move(signature)});
}

std::optional<log::CommitOutcome> Producer::poll() {
  std::optional<log::CommitOutcome> ended = sender_.poll();
  if (!ended) return ended;
  committing_bytes_ = 0;
  if (!ended->status.ok()) drop_open();
  return ended;
}

void Producer::abort() {
  committing_bytes_ = 0;
  drop_open();
  sender_.abort();
}

void Producer::drop_open() {
  for (Target& target : targets_) {
    for (auto& run : target.runs) {
      if (run != nullptr) run->clear();
    }
  }
  open_bytes_ = 0;
  refused_ = {};
}

}  // namespace klamm::inline v0::rdkafka
