#include "simulation/unreliable_log.hpp"

#include <utility>

namespace klamm::simulation {

using log::Offset, log::TopicPartition;

class UnreliableLog::LateReader final : public log::Reader {
 public:
  LateReader(UnreliableLog& net, std::unique_ptr<Reader> inner) : net_{net}, inner_{std::move(inner)} {}

  Result<std::size_t> poll(std::size_t limit, const Take& take) override {
    if (net_.away_) return unreachable();
    if (net_.chance(20)) return std::size_t{0};
    return inner_->poll(net_.chance(30) ? 1 + net_.random_() % 4 : limit, take);
  }
  [[nodiscard]] Offset position() const override { return inner_->position(); }
  void seek(Offset offset) override { inner_->seek(offset); }
  [[nodiscard]] Offset end() const override { return inner_->end(); }

 private:
  UnreliableLog& net_;
  std::unique_ptr<Reader> inner_;
};

class UnreliableLog::LateProducer final : public log::Producer {
 public:
  LateProducer(UnreliableLog& net, std::unique_ptr<Producer> inner) : net_{net}, inner_{std::move(inner)} {}
  Result<Topic> topic(const std::string& name) override { return inner_->topic(name); }
  void append(Topic topic, log::Partition partition, BytesView key, BytesView value, Timestamp timestamp, BytesView headers) override {
    inner_->append(topic, partition, key, value, timestamp, headers);
  }
  [[nodiscard]] std::size_t pending_bytes() const override { return inner_->pending_bytes(); }

  void prepare() override {
    inner_->prepare();
    wait();
  }
  std::optional<Prepared> prepared() override {
    if (net_.away_ || rounds_-- > 0) return {};
    if (!net_.chance(3)) return inner_->prepared();
    inner_->abort();
    return Prepared{{Code::aborted, "a record was refused"}, {}};
  }
  // It is in the log or is not from here on; when that is known is another question.
  void commit(const std::string& group, std::vector<log::OffsetCommit> offsets, std::vector<log::FeedPosition> positions) override {
    wait();
    if (net_.away_ ? net_.chance(50) : net_.chance(5)) {
      failed_ = true;
      return;
    }
    inner_->commit(group, std::move(offsets), std::move(positions));
  }
  std::optional<log::CommitOutcome> poll() override {
    if (net_.away_ || rounds_-- > 0) return {};
    if (std::exchange(failed_, false)) {
      inner_->abort();
      return log::CommitOutcome{{Code::aborted, "on purpose"}};
    }
    auto outcome = inner_->poll();
    if (!outcome || !outcome->status.ok() || !net_.chance(3)) return outcome;
    inner_->abort();
    return log::CommitOutcome{{Code::aborted, "the log did not say how it ended"}};
  }
  void abort() override { inner_->abort(); }

 private:
  void wait() { rounds_ = net_.chance(50) ? static_cast<int>(net_.random_() % 8) : 0; }

  UnreliableLog& net_;
  std::unique_ptr<Producer> inner_;
  bool failed_ = false;
  int rounds_ = 0;
};

class UnreliableLog::MortalMember final : public log::Member {
 public:
  MortalMember(UnreliableLog& net, std::unique_ptr<Member> inner) : net_{net}, inner_{std::move(inner)} {}
  ~MortalMember() override {
    if (net_.dead_) net_.orphans_.push_back(std::move(inner_));
  }
  Status poll() override { return net_.away_ ? Status{} : inner_->poll(); }

 private:
  UnreliableLog& net_;
  std::unique_ptr<Member> inner_;
};

UnreliableLog::UnreliableLog(log::Log& client, std::mt19937_64& random) : ForwardingLog{client}, random_{random} {}
UnreliableLog::~UnreliableLog() = default;

Result<log::Bounds> UnreliableLog::bounds(const TopicPartition& tp) {
  if (away_ || chance(3)) return unreachable();
  auto bounds = log_.bounds(tp);
  if (bounds.ok() && bounds->end > bounds->begin && chance(10)) --bounds->end;
  return bounds;
}

Status UnreliableLog::purge(const TopicPartition& tp, Offset before) { return away_ ? unreachable() : log_.purge(tp, before); }

Result<std::unique_ptr<log::Reader>> UnreliableLog::reader(const TopicPartition& tp, Offset from, std::function<void()> wake) {
  if (away_ || chance(3)) return unreachable();
  auto inner = log_.reader(tp, from, std::move(wake));
  if (!inner.ok()) return inner;
  return std::unique_ptr<log::Reader>{std::make_unique<LateReader>(*this, *std::move(inner))};
}

Result<std::unique_ptr<log::Producer>> UnreliableLog::producer(const std::string& name, Guarantee guarantee, std::function<void()> wake) {
  auto inner = log_.producer(name, guarantee, std::move(wake));
  if (!inner.ok()) return inner;
  return std::unique_ptr<log::Producer>{std::make_unique<LateProducer>(*this, *std::move(inner))};
}

Result<std::unique_ptr<log::Member>> UnreliableLog::join(const std::string& group, std::vector<std::string> topics,
                                                         log::GroupListener& listener) {
  auto inner = log_.join(group, std::move(topics), listener);
  if (!inner.ok()) return inner;
  return std::unique_ptr<log::Member>{std::make_unique<MortalMember>(*this, *std::move(inner))};
}

Result<log::GroupDescription> UnreliableLog::describe(const std::string& group) {
  if (away_ || chance(3)) return unreachable();
  return log_.describe(group);
}

Result<std::vector<std::optional<log::Committed>>> UnreliableLog::committed(const std::string& group,
                                                                            std::span<const TopicPartition> partitions) {
  if (away_ || chance(15)) return unreachable();
  return log_.committed(group, partitions);
}

}  // namespace klamm::simulation
