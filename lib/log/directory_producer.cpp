#include "log/directory_producer.hpp"

#include <cassert>
#include <utility>

namespace klamm::inline v0::log {

// How the commit in flight ended, and whom to tell. Shared with the log thread.
class DirectoryProducer::Outcome {
 public:
  explicit Outcome(std::function<void()> wake) : wake_{std::move(wake)} {}

  void set(const Status& status) {
    {
      const std::lock_guard lock{mutex_};
      ended_ = CommitOutcome{status};
    }
    const std::lock_guard lock{wake_mutex_};
    if (wake_) wake_();
  }
  std::optional<CommitOutcome> take() {
    const std::lock_guard lock{mutex_};
    std::optional<CommitOutcome> ended;
    ended.swap(ended_);
    return ended;
  }
  // After it, `wake` is neither called nor running.
  void detach() {
    const std::lock_guard lock{wake_mutex_};
    wake_ = nullptr;
  }

 private:
  std::mutex mutex_, wake_mutex_;
  std::optional<CommitOutcome> ended_;
  std::function<void()> wake_;
};

class DirectoryProducer::Transaction final : public Work {
 public:
  Transaction(DirectoryCore& core, std::shared_ptr<Outcome> outcome, std::vector<PartitionWrites> writes, std::string group,
              std::vector<OffsetCommit> offsets, std::vector<FeedPosition> positions)
      : core_{core},
        outcome_{std::move(outcome)},
        writes_{std::move(writes)},
        group_{std::move(group)},
        offsets_{std::move(offsets)},
        positions_{std::move(positions)} {}

  std::size_t prepare() override {
    std::size_t batches = 0;
    for (const auto& write : writes_) batches += write.batches.size();
    return batches;
  }
  Status write(LogFile& file) override {
    auto done = core_.write(file, writes_);
    refused_ = std::move(done.refused);
    if (!done.broken.ok() || !refused_.ok()) return std::move(done.broken);
    for (const auto& offset : offsets_) {
      if (Status status = file.commit_offset(group_, offset); !status.ok()) return status;
    }
    for (const auto& position : positions_) {
      if (Status status = file.feed_position(position); !status.ok()) return status;
    }
    return {};
  }
  void publish() override {
    if (refused_.ok()) core_.publish(writes_);
  }
  void ended(const Status& status) override { outcome_->set(status.ok() ? refused_ : status); }

 private:
  DirectoryCore& core_;
  const std::shared_ptr<Outcome> outcome_;
  std::vector<PartitionWrites> writes_;
  const std::string group_;
  const std::vector<OffsetCommit> offsets_;
  const std::vector<FeedPosition> positions_;
  Status refused_;
};

DirectoryProducer::DirectoryProducer(DirectoryCore& core, std::function<void()> wake)
    : core_{core}, outcome_{std::make_shared<Outcome>(std::move(wake))} {}

DirectoryProducer::~DirectoryProducer() { outcome_->detach(); }

Result<Producer::Topic> DirectoryProducer::topic(const std::string& name) {
  if (const auto known = numbers_.find(name); known != numbers_.end()) return known->second;
  auto topic = core_.topics.get(name);
  if (!topic.ok()) return topic.status();
  const Topic number = open_.add(topic->partitions);
  numbers_.emplace(name, number);
  return number;
}

void DirectoryProducer::append(Topic topic, Partition partition, BytesView key, BytesView value, Timestamp timestamp, BytesView headers) {
  assert(open_.has(topic, partition));
  open_.append(topic, partition, key, value, timestamp, headers);
}

void DirectoryProducer::prepare() {
  assert(in_flight_bytes_ == 0 && !prepared_);
  in_flight_bytes_ = open_.bytes();
  writes_ = open_.take();
  prepared_ = Prepared{{}, ends_of(writes_)};
}

void DirectoryProducer::commit(const std::string& group, std::vector<OffsetCommit> offsets, std::vector<FeedPosition> positions) {
  assert(!prepared_);
  core_.writer->submit(
      std::make_shared<Transaction>(core_, outcome_, std::exchange(writes_, {}), group, std::move(offsets), std::move(positions)));
}

std::optional<CommitOutcome> DirectoryProducer::poll() {
  auto ended = outcome_->take();
  if (ended) {
    in_flight_bytes_ = 0;
    if (ended->status.code() == Code::aborted) open_.clear();
  }
  return ended;
}

void DirectoryProducer::abort() {
  open_.clear();
  writes_.clear();
  prepared_.reset();
  in_flight_bytes_ = 0;
}

}  // namespace klamm::inline v0::log
