#include "log/faulty_log.hpp"

#include <atomic>
#include <cassert>
#include <utility>

#include "log/forwarding_log.hpp"

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

class FaultyLog final : public ForwardingLog {
 public:
  FaultyLog(Log& log, CommitFault fault) : ForwardingLog{log} { faults_.decide = std::move(fault); }

  Result<std::unique_ptr<Producer>> producer(const std::string& name, Guarantee guarantee, std::function<void()> wake) override {
    auto inner = log_.producer(name, guarantee, wake);
    if (!inner.ok()) return inner;
    return std::unique_ptr<Producer>{std::make_unique<FaultyProducer>(*std::move(inner), faults_, std::move(wake))};
  }

 private:
  Faults faults_;
};

}  // namespace

std::unique_ptr<Log> faulty_log(Log& log, CommitFault fault) { return std::make_unique<FaultyLog>(log, std::move(fault)); }

}  // namespace klamm::inline v0::log
