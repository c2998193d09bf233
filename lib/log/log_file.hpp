#pragma once

#include <span>
#include <unordered_map>
#include <vector>

#include "log/partition_log.hpp"
#include "log/sqlite.hpp"

namespace klamm::inline v0::log {

/// The log's database, its schema and all that is written to it. Owned by the log in a directory; after `open` used by the log thread only.
///
///     meta(key, value)                                    the application, the default partition count
///     topics(name, partitions, cleanup)
///     partitions(id, topic, partition, begin_offset, end_offset, records, live, clean, seen)
///     records_<id>(base_offset, next_offset, records, batch)   one table per partition, so that a write appends
///     committed(group_id, topic, partition, position, metadata)
///     feeders(feeder, position)
class LogFile {
 public:
  struct Options {
    std::string directory;
    std::string application_id;
    std::optional<Partition> default_partitions;
    Partition new_directory_partitions = 1;
    std::optional<std::int64_t> max_bytes;
  };
  static constexpr const char* name = "log.sqlite";
  static constexpr int format_version = 1;

  /// Creates the database, or checks that it is ours, this application's and of a version that is known.
  Status open(const Options& options);
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] Partition default_partitions() const { return default_partitions_; }
  /// Pages in the write-ahead log, as of the last commit.
  [[nodiscard]] int wal_pages() const { return wal_pages_; }

  struct StoredPartition {
    TopicState topic;
    Partition partition;
    std::int64_t id;
    Bounds bounds;
    Upkeep upkeep;
  };
  /// All partitions, by topic and number.
  Result<std::vector<StoredPartition>> load();

  /// Begins a transaction in which so many batches are to be inserted.
  Status begin(std::size_t batches);
  Status commit();
  void rollback();
  /// Copies what is committed from the write-ahead log into the database, as far as readers let it.
  Status checkpoint();

  Status insert(std::int64_t partition, const Batch& batch);
  Status erase(std::int64_t partition, Offset base);
  /// Deletes the oldest batch if it lies below `before`: how many records that were, or nothing.
  Result<std::optional<std::int64_t>> erase_oldest(std::int64_t partition, Offset before);
  Status save(const PartitionLog& partition, Offset begin);
  Status commit_offset(const std::string& group, const OffsetCommit& offset);
  Status feed_position(const FeedPosition& position);
  Status forget(const std::string& group);
  /// The ids of the new partitions.
  Result<std::vector<std::int64_t>> create(const TopicState& topic);
  Status remove(const std::string& topic, std::span<const std::shared_ptr<PartitionLog>> partitions);

 private:
  struct Rows {
    Statement insert, erase, oldest;
  };
  Status create_schema(const Options& options);
  Status check_application(const Options& options);
  Result<std::string> meta(const char* key);
  Result<Rows*> rows(std::int64_t partition);

  Database db_;
  std::string path_;
  Partition default_partitions_ = 1;
  int wal_pages_ = 0;
  std::size_t batches_until_half_ = 0;
  Statement begin_, commit_, rollback_, save_, commit_offset_, feed_position_, forget_;
  std::unordered_map<std::int64_t, Rows> rows_;
};

}  // namespace klamm::inline v0::log
