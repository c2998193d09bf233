#include "kafka/delivery.hpp"

#include <chrono>
#include <thread>

#include "kafka/at_least_once.hpp"
#include "kafka/outgoing.hpp"
#include "kafka/transactional.hpp"

namespace klamm::inline v0::rdkafka {
namespace {

// The broker is there and has said no to the record itself.
bool is_refusal(rd_kafka_resp_err_t code) {
  const Code meaning = code_of(code);
  return meaning == Code::failed_precondition || meaning == Code::not_found || meaning == Code::invalid_argument;
}

}  // namespace

std::unique_ptr<Delivery> Delivery::make(const Shared& shared, std::string name, Guarantee guarantee) {
  if (guarantee == Guarantee::exactly_once) return std::make_unique<TransactionalDelivery>(shared, std::move(name));
  return std::make_unique<AtLeastOnceDelivery>(shared, std::move(name));
}

Status Delivery::make_new_handle() {
  drop_handle();
  auto handle = make_handle(kind_, cluster_, *this, name_, other_settings_);
  if (!handle.ok()) return handle.status();
  handle_ = std::move(*handle);
  for (Target& target : targets_) prime(target);
  if (marks_ != nullptr) prime(*marks_);
  return {};
}

void Delivery::drop_handle() {
  if (handle_ != nullptr) {
    static_cast<void>(rd_kafka_purge(handle_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT));
    static_cast<void>(rd_kafka_flush(handle_.get(), 1'000));
  }
  for (Target& target : targets_) target.topic.reset();
  if (marks_ != nullptr) marks_->topic.reset();
  handle_.reset();
  reset_counts();
}

void Delivery::prime(Target& target) {
  target.topic.reset(rd_kafka_topic_new(handle_.get(), target.name.c_str(), nullptr));
  // The first record would wait for up to a second to learn where the topic is.
  const rd_kafka_metadata_t* found = nullptr;
  if (rd_kafka_metadata(handle_.get(), 0, target.topic.get(), &found, 2'000) == RD_KAFKA_RESP_ERR_NO_ERROR)
    rd_kafka_metadata_destroy(found);
}

void Delivery::add_topic(const std::string& name, log::Partition partitions) {
  Target target{.name = name, .topic = {}, .partitions = {}};
  for (log::Partition p = 0; p < partitions; ++p) target.partitions.push_back(std::make_unique<Progress>());
  if (handle_ != nullptr) prime(target);
  targets_.push_back(std::move(target));
}

std::string Delivery::about(const Run& run) const {
  return "partition " + targets_[static_cast<std::size_t>(run.topic)].name + '-' + std::to_string(run.partition);
}

void Delivery::pause() const { std::this_thread::sleep_for(std::chrono::milliseconds{100}); }

Failure Delivery::produce_all(const Run& run) {
  Target& target = targets_[static_cast<std::size_t>(run.topic)];
  Progress& progress = *target.partitions[static_cast<std::size_t>(run.partition)];
  for (std::size_t i = 0; i < run.size();) {
    const RawMessage record = run[i];
    const Failure failure = produce(handle_.get(), target.topic.get(), run.partition, record.key, record.value,
                                    record.timestamp.milliseconds(), record.headers, &progress);
    if (failure.ok()) {
      ++progress.produced;
      ++i;
    } else if (failure.code == RD_KAFKA_RESP_ERR__QUEUE_FULL && !stopping_ && handle_failure_.ok() && record_failure_.ok()) {
      rd_kafka_poll(handle_.get(), 10);
    } else {
      return failure;
    }
  }
  return {};
}

void Delivery::delivered(const rd_kafka_message_t& message) {
  auto& progress = *static_cast<Progress*>(message._private);
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    const bool purged = message.err == RD_KAFKA_RESP_ERR__PURGE_QUEUE || message.err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
    if (purged || !record_failure_.ok()) return;
    record_failure_ = failure_of(message.err, handle_.get());
    failed_record_ = std::string{"partition "} + rd_kafka_topic_name(message.rkt) + '-' + std::to_string(message.partition);
    return;
  }
  ++progress.acknowledged;
  progress.end = message.offset + 1;
  if (progress.acknowledged == progress.frozen) progress.frozen_end = progress.end;
}

void Delivery::freeze() {
  for (Target& target : targets_) {
    for (const auto& progress : target.partitions) {
      progress->frozen_before = progress->frozen;
      progress->frozen = progress->produced;
      if (progress->acknowledged == progress->frozen) progress->frozen_end = progress->end;
    }
  }
}

bool Delivery::all_acknowledged() const {
  for (const Target& target : targets_) {
    for (const auto& progress : target.partitions) {
      if (progress->acknowledged < progress->frozen) return false;
    }
  }
  return true;
}

std::vector<log::Producer::Prepared::End> Delivery::ends() const {
  std::vector<log::Producer::Prepared::End> ends;
  for (std::size_t t = 0; t < targets_.size(); ++t) {
    for (std::size_t p = 0; p < targets_[t].partitions.size(); ++p) {
      const Progress& progress = *targets_[t].partitions[p];
      if (progress.frozen == progress.frozen_before) continue;
      // Markers take offsets too.
      const std::uint64_t records = kind_ == Kind::idempotent ? progress.frozen - progress.frozen_before : 0;
      ends.push_back({.topic = static_cast<int>(t),
                      .partition = static_cast<log::Partition>(p),
                      .offset = progress.frozen_end,
                      .records = static_cast<std::int64_t>(records)});
    }
  }
  return ends;
}

void Delivery::reset_counts() {
  for (Target& target : targets_) {
    for (const auto& progress : target.partitions) *progress = {};
  }
  if (marks_ != nullptr) *marks_->partitions.front() = {};
  record_failure_ = {};
  handle_failure_ = {};
  failed_record_.clear();
}

Status Delivery::write_far_marks(GroupCommit& commit) {
  for (std::size_t i = 0; i < commit.offsets.size(); ++i) {
    const auto& [input, committed] = commit.offsets[i];
    if (!GroupCommit::is_far(committed.metadata)) continue;
    const std::string key = commit.group + ' ' + to_string(input);
    const Result<log::Offset> at = write_mark(std::as_bytes(std::span{key}), std::as_bytes(std::span{committed.metadata}));
    if (!at.ok()) return at.status();
    commit.far.resize(commit.offsets.size());
    commit.far[i] = *at;
  }
  return {};
}

Result<log::Offset> Delivery::write_mark(BytesView key, BytesView mark) {
  if (marks_ == nullptr) {
    const log::TopicState topic{
        .name = cluster_.marks_topic(), .partitions = 1, .cleanup = log::Cleanup::compact, .owner = log::Owner::application};
    for (;;) {
      const Status made = shared_.admin.create(std::span{&topic, 1});
      if (made.ok()) break;
      if (stopping()) return cancelled();
      if (made.code() != Code::unavailable) return made;
      pause();
    }
    marks_ = std::make_unique<Target>();
    marks_->name = topic.name;
    marks_->partitions.push_back(std::make_unique<Progress>());
    prime(*marks_);
  }
  Progress& progress = *marks_->partitions.front();
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  for (;;) {
    const Failure failure = produce(handle_.get(), marks_->topic.get(), 0, key, mark, now, {}, &progress);
    if (failure.ok()) break;
    if (failure.code != RD_KAFKA_RESP_ERR__QUEUE_FULL) return aborted(failure, "topic \"" + marks_->name + "\": a mark can't be written");
    if (Status status = serve(); !status.ok()) return status;
    if (stopping()) return cancelled();
    rd_kafka_poll(handle_.get(), 10);
  }
  for (++progress.produced; progress.acknowledged < progress.produced;) {
    rd_kafka_poll(handle_.get(), 10);
    if (Status status = serve(); !status.ok()) return status;
    if (stopping()) return cancelled();
  }
  return progress.end - 1;
}

Status Delivery::aborted(const Failure& failure, const std::string& what) {
  const Status status = cluster_.status(failure, what, name_);
  if (is_refusal(failure.code)) {
    const std::string refusal = what + failure.text;
    if (refusal == refused_)
      return {Code::failed_precondition, status.message() + ": refused again after going back to the last commit", name_};
    refused_ = refusal;
  }
  return {Code::aborted, status.message(), name_};
}

}  // namespace klamm::inline v0::rdkafka
