#include "log/faulty_log.hpp"

#include <atomic>
#include <cassert>
#include <utility>

namespace klamm::inline v0::log {
namespace {

struct Faults {
  CommitFault decide;
  std::atomic<std::uint64_t> commits = 0;
};

class FaultyProducer final : public Producer {
 public:
  FaultyProducer(std::unique_ptr<Producer> inner, Faults& faults, std::function<void()> wake)
      : inner_{std::move(inner)}, faults_{faults}, wake_{std::move(wake)} {}

  Result<Topic> topic(const std::string& name) override { return inner_->topic(name); }
  void append(Topic topic, Partition partition, BytesView key, BytesView value, Timestamp timestamp, BytesView headers) override {
    inner_->append(topic, partition, key, value, timestamp, headers);
  }
  [[nodiscard]] std::size_t pending_bytes() const override { return inner_->pending_bytes(); }
  void prepare() override { inner_->prepare(); }
  std::optional<Prepared> prepared() override { return inner_->prepared(); }

  void commit(const std::string& group, std::vector<OffsetCommit> offsets, std::vector<FeedPosition> positions) override {
    assert(!failed_);
    failed_ = faults_.decide(++faults_.commits);
    if (!failed_) {
      inner_->commit(group, std::move(offsets), std::move(positions));
      return;
    }
    if (wake_) wake_();
  }
  std::optional<CommitOutcome> poll() override {
    if (!failed_) return inner_->poll();
    inner_->abort();  // it, and what came after it
    CommitOutcome outcome{*failed_};
    failed_.reset();
    return outcome;
  }
  void abort() override { inner_->abort(); }

 private:
  std::unique_ptr<Producer> inner_;
  Faults& faults_;
  const std::function<void()> wake_;
  std::optional<Status> failed_;
};

class FaultyLog final : public Log {
 public:
  FaultyLog(Log& log, CommitFault fault) : log_{log} { faults_.decide = std::move(fault); }

  [[nodiscard]] std::string where() const override { return log_.where(); }
  [[nodiscard]] bool connected() const override { return log_.connected(); }
  [[nodiscard]] bool shows_commits_late() const override { return log_.shows_commits_late(); }
  [[nodiscard]] Partition default_partitions() const override { return log_.default_partitions(); }
  Result<std::optional<TopicState>> topic(const std::string& name) override { return log_.topic(name); }
  Status create(std::span<const TopicState> topics) override { return log_.create(topics); }
  Status remove(std::span<const std::string> topics) override { return log_.remove(topics); }
  Result<Bounds> bounds(const TopicPartition& tp) override { return log_.bounds(tp); }
  Status purge(const TopicPartition& tp, Offset before) override { return log_.purge(tp, before); }
  void restored_from(const TopicPartition& tp, Offset from) override { log_.restored_from(tp, from); }
  Result<std::unique_ptr<Reader>> reader(const TopicPartition& tp, Offset from, std::function<void()> wake) override {
    return log_.reader(tp, from, std::move(wake));
  }
  Result<std::unique_ptr<Producer>> producer(const std::string& name, Guarantee guarantee, std::function<void()> wake) override {
    auto inner = log_.producer(name, guarantee, wake);
    if (!inner.ok()) return inner;
    return std::unique_ptr<Producer>{std::make_unique<FaultyProducer>(*std::move(inner), faults_, std::move(wake))};
  }
  Result<std::unique_ptr<Inlet>> inlet(const std::string& topic, const std::string& feeder) override { return log_.inlet(topic, feeder); }
  Result<std::optional<std::int64_t>> feed_position(const std::string& feeder) override { return log_.feed_position(feeder); }
  Result<std::unique_ptr<Member>> join(const std::string& group, std::vector<std::string> topics, GroupListener& listener) override {
    return log_.join(group, std::move(topics), listener);
  }
  Result<std::vector<std::optional<Committed>>> committed(const std::string& group, std::span<const TopicPartition> partitions) override {
    return log_.committed(group, partitions);
  }
  Status forget(const std::string& group) override { return log_.forget(group); }
  Status reset(const std::string& group, std::span<const std::string> topics) override { return log_.reset(group, topics); }

 private:
  Log& log_;
  Faults faults_;
};

}  // namespace

std::unique_ptr<Log> faulty_log(Log& log, CommitFault fault) { return std::make_unique<FaultyLog>(log, std::move(fault)); }

}  // namespace klamm::inline v0::log
