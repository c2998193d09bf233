#pragma once

#include <map>
#include <optional>
#include <utility>

#include "log/directory_core.hpp"

namespace klamm::inline v0::log {

/// A producer of a log in a directory. Owned by its worker, which serialises and checksums here, so that the log thread has little to do.
class DirectoryProducer final : public Producer {
 public:
  DirectoryProducer(DirectoryCore& core, std::function<void()> wake);
  ~DirectoryProducer() override;

  Result<Topic> topic(const std::string& name) override;
  void append(Topic topic, Partition partition, BytesView key, BytesView value, Timestamp timestamp, BytesView headers) override;
  [[nodiscard]] std::size_t pending_bytes() const override { return open_.bytes() + in_flight_bytes_; }
  void prepare() override;
  std::optional<Prepared> prepared() override { return std::exchange(prepared_, std::nullopt); }
  void commit(const std::string& group, std::vector<OffsetCommit> offsets, std::vector<FeedPosition> positions) override;
  std::optional<CommitOutcome> poll() override;
  void abort() override;

 private:
  class Outcome;
  class Transaction;

  DirectoryCore& core_;
  std::map<std::string, Topic> numbers_;
  OpenTransaction open_{OpenTransaction::Checksums::yes};
  std::size_t in_flight_bytes_ = 0;      // prepared or being committed
  std::vector<PartitionWrites> writes_;  // prepared
  std::optional<Prepared> prepared_;
  std::shared_ptr<Outcome> outcome_;
};

}  // namespace klamm::inline v0::log
