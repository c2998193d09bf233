#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kafka/sender.hpp"

namespace klamm::inline v0::rdkafka {

/// What a worker writes: sorted into runs by topic and partition, which a Sender takes to the brokers. Owned by the worker, used by its
/// thread, which never waits here but for `topic`.
class Producer final : public log::Producer {
 public:
  static Result<std::unique_ptr<log::Producer>> open(const Delivery::Shared& shared, const std::string& name, Guarantee guarantee,
                                                     std::function<void()> wake);

  Result<Topic> topic(const std::string& name) override;
  [[nodiscard]] Limits limits(Topic topic) const override;
  void append(Topic topic, log::Partition partition, BytesView key, BytesView value, Timestamp timestamp, BytesView headers) override;
  [[nodiscard]] std::size_t pending_bytes() const override { return open_bytes_ + committing_bytes_; }
  void prepare() override;
  std::optional<Prepared> prepared() override;
  void commit(const std::string& group, std::vector<log::OffsetCommit> offsets, std::vector<log::FeedPosition> positions) override;
  std::optional<log::CommitOutcome> poll() override;
  void abort() override;

 private:
  struct Target {
    TopicInfo info;
    std::vector<std::unique_ptr<Run>> runs;  // by partition; null: nothing since the last run
  };
  Producer(const Delivery::Shared& shared, const std::string& name, Guarantee guarantee, std::function<void()> wake);
  /// A record of the open transaction that its topic would not take ends it, and the application.
  void refuse(const Target& target, std::size_t size);
  void drop_open();

  const Delivery::Shared shared_;
  const std::string name_;
  const Guarantee guarantee_;
  std::map<std::string, Topic> numbers_;
  std::vector<Target> targets_;
  std::size_t open_bytes_ = 0, committing_bytes_ = 0;
  Status refused_, refused_prepared_;
  Sender sender_;
};

}  // namespace klamm::inline v0::rdkafka
