#pragma once

#include <atomic>
#include <deque>

#include "log/embedded.hpp"
#include "log/log_file_reader.hpp"
#include "log/log_writer.hpp"
#include "log/open_transaction.hpp"
#include "log/topics.hpp"
#include "ports/executor.hpp"

namespace klamm::inline v0::log {

/// Keeps the newest batches of all partitions in memory, up to a number of bytes. Log thread.
class RecentBatches {
 public:
  explicit RecentBatches(std::size_t most_bytes) : most_bytes_{most_bytes} {}
  /// Publishes what was written, and evicts what is oldest beyond the budget.
  void publish(std::span<const PartitionWrites> writes);

 private:
  struct Entry {
    std::weak_ptr<PartitionLog> partition;
    Offset next_offset;
    std::size_t bytes;
  };
  const std::size_t most_bytes_;
  std::size_t bytes_ = 0;
  std::deque<Entry> entries_;  // in the order of publishing, so that the oldest of all is the oldest of its partition
};

/// What the parts of a log in a directory share. Owned by the log; outlives its producers, inlets and readers.
struct DirectoryCore {
  explicit DirectoryCore(const EmbeddedOptions& o) : options{o}, reader{o.directory + '/' + LogFile::name}, recent{o.cache_bytes} {}

  const EmbeddedOptions options;
  LogFile file;
  LogFileReader reader;
  Topics topics;
  Groups groups;
  RecentBatches recent;
  std::atomic<bool> stopping = false;
  std::atomic<bool> checkpointing = false;
  std::unique_ptr<LogWriter> writer;
  std::unique_ptr<ports::Executor> background;  // compaction and checkpoints

  std::mutex feeders_mutex;
  std::vector<std::string> feeders;  // those with an inlet

  /// Gives the batches their offsets and writes them. `refused` when one of the topics was removed: nothing is written then. Log thread.
  Call::Done write(LogFile& to, std::span<PartitionWrites> writes);
  /// Shows to readers what was written, and starts compaction where it is due. Log thread.
  void publish(std::span<const PartitionWrites> writes);
  /// Starts a pass of compaction over the partition where it is due and none is under way. Log thread.
  void compact_if_due(const std::shared_ptr<PartitionLog>& partition);
  /// Copies the write-ahead log into the database when it has become long. Background thread.
  void checkpoint();
  /// The same from the log thread, which is told after each commit how long it is.
  void committed(int wal_pages);
};

}  // namespace klamm::inline v0::log
