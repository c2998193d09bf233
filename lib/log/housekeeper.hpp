#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "log/log_writer.hpp"

namespace klamm::inline v0::log {

/// Brings purges and what readers have seen into the file, a few milliseconds at a time and along with other work where there is some. What
/// a crash loses of it is asked for again. Owned by the log in a directory; any thread.
class Housekeeper final : public Work, public std::enable_shared_from_this<Housekeeper> {
 public:
  explicit Housekeeper(LogWriter& writer) : writer_{writer} {}

  /// Deletes the batches below the partition's beginning.
  void purge(const std::shared_ptr<PartitionLog>& partition) { note(partition, 0); }
  /// Remembers that tombstones below `seen` are not needed.
  void seen(const std::shared_ptr<PartitionLog>& partition, Offset seen) { note(partition, seen); }

  std::size_t prepare() override;
  Status write(LogFile& file) override;
  void ended(const Status& status) override;

 private:
  void note(const std::shared_ptr<PartitionLog>& partition, Offset seen);

  LogWriter& writer_;
  std::mutex mutex_;
  bool queued_ = false;
  std::map<std::shared_ptr<PartitionLog>, Offset> due_;
  std::map<std::shared_ptr<PartitionLog>, Offset> taken_;  // log thread
};

}  // namespace klamm::inline v0::log
