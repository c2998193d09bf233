#pragma once

#include <condition_variable>
#include <map>

#include "log/directory_core.hpp"

namespace klamm::inline v0::log {

/// Gathers what other threads send to one topic until the log thread takes it. Shared by its inlet and the log thread, so that what was
/// sent is written even when the inlet is gone. Any thread; the methods of `Work` on the log thread.
class InletQueue final : public Work, public std::enable_shared_from_this<InletQueue> {
 public:
  InletQueue(DirectoryCore& core, Topics::Topic topic, std::string feeder);

  enum class WhenFull : bool { give_up, wait };
  /// False when it is full and `when` is `give_up`.
  Result<bool> send(const RawMessage& message, std::optional<std::int64_t> position, WhenFull when);
  Status flush();
  void close();

  std::size_t prepare() override;
  Status write(LogFile& file) override;
  void publish() override;
  void ended(const Status& status) override;

 private:
  [[nodiscard]] Status check(const RawMessage& message, std::optional<std::int64_t> position) const;

  DirectoryCore& core_;
  const Topics::Topic topic_;
  const std::string feeder_;

  std::mutex mutex_;
  std::condition_variable changed_;
  OpenTransaction open_{OpenTransaction::Checksums::yes};
  std::optional<std::int64_t> position_;  // of the newest record gathered
  std::size_t taken_bytes_ = 0;           // on their way to the file
  std::uint64_t sent_ = 0, written_ = 0;  // records
  bool queued_ = false, closed_ = false;
  Status failed_;  // stays: a gap behind it must not be papered over

  // Log thread.
  std::vector<PartitionWrites> taken_;
  std::optional<std::int64_t> taken_position_;
  std::uint64_t taken_sent_ = 0;
  Status refused_;
};

/// An inlet of a log in a directory; owned by its user.
class DirectoryInlet final : public Inlet {
 public:
  DirectoryInlet(DirectoryCore& core, Topics::Topic topic, std::string feeder);
  ~DirectoryInlet() override;

  Status send(Partition partition, BytesView key, BytesView value, Timestamp timestamp, BytesView headers,
              std::optional<std::int64_t> position) override;
  Result<bool> try_send(Partition partition, BytesView key, BytesView value, Timestamp timestamp, BytesView headers) override;
  Status flush() override { return queue_->flush(); }
  void close() override { queue_->close(); }

 private:
  DirectoryCore& core_;
  const std::string feeder_;
  const std::shared_ptr<InletQueue> queue_;
};

}  // namespace klamm::inline v0::log
