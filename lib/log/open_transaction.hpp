#pragma once

#include <memory>
#include <vector>

#include "log/partition_log.hpp"

namespace klamm::inline v0::log {

/// What a transaction writes to one partition: batches in order, without offsets as yet.
struct PartitionWrites {
  int topic = 0;  ///< the transaction's number
  std::shared_ptr<PartitionLog> partition;
  std::vector<std::shared_ptr<Batch>> batches;
};

/// Where the partitions will end when these are written, as far as nobody else writes to them.
std::vector<Producer::Prepared::End> ends_of(std::span<const PartitionWrites> writes);

/// Gathers records for many partitions. Used by one thread at a time.
class OpenTransaction {
 public:
  /// Adds a topic; its number is the count of topics before it.
  int add(std::span<const std::shared_ptr<PartitionLog>> partitions);
  [[nodiscard]] bool has(int topic, Partition partition) const;

  /// Copies the record. The topic and its partition must exist.
  void append(int topic, Partition partition, BytesView key, BytesView value, Timestamp timestamp, BytesView headers) {
    Slot& slot = topics_[static_cast<std::size_t>(topic)][static_cast<std::size_t>(partition)];
    if (slot.builder.empty()) open(slot);
    const std::size_t before = slot.builder.bytes();
    slot.builder.append(key, value, timestamp, headers);
    bytes_ += slot.builder.bytes() - before;
    if (slot.builder.full()) close(slot);
  }
  /// Bytes gathered.
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] bool empty() const { return touched_.empty(); }

  enum class Checksums : bool { no, yes };
  explicit OpenTransaction(Checksums checksums) : checksums_{checksums} {}
  /// What was gathered; empty then. Partitions in the order in which they were touched first.
  std::vector<PartitionWrites> take();
  /// Drops what was gathered.
  void clear();

 private:
  struct Slot {
    int topic = 0;
    std::shared_ptr<PartitionLog> partition;
    BatchBuilder builder;
    std::vector<std::shared_ptr<Batch>> full;
    bool touched = false;
  };
  void open(Slot& slot);
  void close(Slot& slot);

  Checksums checksums_;
  std::vector<std::vector<Slot>> topics_;  // the inner vectors never grow: touched_ points into them
  std::vector<Slot*> touched_;
  std::size_t bytes_ = 0;
};

}  // namespace klamm::inline v0::log
