#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "log/partition_log.hpp"
#include "log/sqlite.hpp"

namespace klamm::inline v0::log {

/// Reads the log's database beside the log thread, which never waits for it. Any thread: each call takes a connection from a pool.
class LogFileReader {
 public:
  explicit LogFileReader(std::string path) : path_{std::move(path)} {}

  /// The batch that contains `position` or is the next one behind it; null when there is none. A damaged one is `data_loss` with topic,
  /// partition and offset.
  Result<BatchPtr> load(const PartitionLog& partition, Offset position);
  Result<std::vector<std::optional<Committed>>> committed(const std::string& group, std::span<const TopicPartition> partitions);
  Result<std::optional<std::int64_t>> feed_position(const std::string& feeder);
  /// Moves what is committed from the write-ahead log into the database, as far as readers let it.
  Status checkpoint();

 private:
  struct Connection {
    Database db;
    std::map<std::int64_t, Statement> select;  // by partition; small, and dropped whole when it grows
  };
  // Gives its connection back at the end.
  using Lease = std::unique_ptr<Connection, std::function<void(Connection*)>>;
  Result<Lease> lease();

  const std::string path_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Connection>> idle_;
};

}  // namespace klamm::inline v0::log
