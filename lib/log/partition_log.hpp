#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "log/record_batch.hpp"

namespace klamm::inline v0::log {

/// Where one reader stands, and whom to tell when there is more. Shared by the reader and its partition.
class ReaderMark {
 public:
  ReaderMark(Offset at, std::function<void()> wake) : position{at}, wake_{std::move(wake)} {}

  std::atomic<Offset> position;
  std::atomic<bool> waits = false;

  void wake();
  /// After it, `wake` is not called again, nor still running.
  void detach();

 private:
  std::mutex mutex_;
  std::function<void()> wake_;
};

/// What compaction knows of a partition. Belongs to the log, which guards it.
struct Upkeep {
  std::int64_t records = 0;  ///< in the log
  std::int64_t live = 0;     ///< of those, what the last compaction left
  Offset clean = 0;          ///< below it each key stands once
  Offset seen = 0;           ///< below it tombstones are not needed by readers that resume
  Offset assigned = 0;       ///< behind the last record that has an offset, published or not (log in a directory)
  bool compacting = false;   ///< a pass is under way (log in a directory)

  /// Whether more than half of the records may be superseded, and there are more than `least`.
  [[nodiscard]] bool due(std::int64_t least) const { return records > 2 * live && records > least; }
};

/// What is published of one partition: its bounds, the newest batches as far as they are in memory, and the readers. Shared by the log, its
/// readers and its writers; lives as long as one of them. One thread at a time publishes; any thread reads.
class PartitionLog {
 public:
  PartitionLog(TopicPartition name, Cleanup cleanup, std::int64_t id, Bounds bounds)
      : name_{std::move(name)}, cleanup_{cleanup}, id_{id}, bounds_{bounds} {}

  [[nodiscard]] const TopicPartition& name() const { return name_; }
  [[nodiscard]] Cleanup cleanup() const { return cleanup_; }
  /// Its number in the log file.
  [[nodiscard]] std::int64_t id() const { return id_; }
  [[nodiscard]] Bounds bounds() const;

  /// Appends batches, which must be consecutive and begin at `bounds().end` or behind it. Readers are not woken.
  void publish(std::span<const std::shared_ptr<Batch>> batches);
  /// Appends one record to a batch that stays open until somebody reads it. The record's own offset is ignored. For logs in memory.
  void publish(const RawMessage& message);
  /// Wakes the readers that wait, if there is something for them.
  void wake_readers();
  /// Moves the beginning up to `before` at most the end; batches that lie below are dropped. False when it was there already.
  bool purge(Offset before);
  /// Drops the batches that begin below `before` from memory, not from the log.
  void evict(Offset before);
  /// Puts other batches in the place of all that are there: compaction in memory.
  void replace(std::deque<BatchPtr> batches);
  [[nodiscard]] std::deque<BatchPtr> batches();
  /// Bytes of the batches that are in memory.
  [[nodiscard]] std::size_t bytes() const;
  /// The lowest position of a reader, or `none` without readers.
  [[nodiscard]] Offset slowest_reader(Offset none) const;

  /// The topic was removed: readers get `not_found`, and nothing is written any more.
  void remove();
  [[nodiscard]] bool removed() const { return removed_.load(); }

  void attach(std::shared_ptr<ReaderMark> mark);
  void detach(const ReaderMark* mark);

  Upkeep upkeep;

  struct Found {
    Bounds bounds;
    BatchPtr batch;          ///< contains `position`, or is the next one behind it
    bool elsewhere = false;  ///< there may be records at `position`, but not in memory
  };
  /// What stands at `position`, which must be within the bounds to find anything. At the end the mark waits from now on.
  Found find(Offset position, ReaderMark& mark);

 private:
  void close_tail();
  void push(BatchPtr batch);
  void pop_front();

  const TopicPartition name_;
  const Cleanup cleanup_;
  const std::int64_t id_;
  std::atomic<bool> removed_ = false;
  mutable std::mutex mutex_;
  Bounds bounds_;
  std::deque<BatchPtr> batches_;  // ascending; with the tail nothing is missing from the first one's base to the end
  std::size_t bytes_ = 0;
  BatchBuilder tail_;
  std::vector<std::shared_ptr<ReaderMark>> readers_;
};

/// Reads one partition: from memory what is there, the rest by `load`.
class PartitionReader final : public Reader {
 public:
  /// The batch that contains `position` or is the next behind it; null when there is none.
  using Load = std::function<Result<BatchPtr>(const PartitionLog&, Offset position)>;

  PartitionReader(std::shared_ptr<PartitionLog> partition, Offset from, std::function<void()> wake, Load load);
  ~PartitionReader() override;

  Result<std::size_t> poll(std::size_t limit, const Take& take) override;
  [[nodiscard]] Offset position() const override { return mark_->position.load(std::memory_order_relaxed); }
  void seek(Offset offset) override;
  [[nodiscard]] Offset end() const override { return partition_->bounds().end; }

 private:
  Status fetch();
  [[nodiscard]] Status within(const Bounds& bounds) const;
  [[nodiscard]] Status damaged(const std::string& why) const;
  void move_to(Offset position) { mark_->position.store(position, std::memory_order_relaxed); }

  std::shared_ptr<PartitionLog> partition_;
  std::shared_ptr<ReaderMark> mark_;
  Load load_;
  BatchPtr batch_;                    // what messages_ point into
  std::vector<RawMessage> messages_;  // reused from batch to batch
  std::size_t next_ = 0;
};

}  // namespace klamm::inline v0::log
