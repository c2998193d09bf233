#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "ports/executor.hpp"
#include "state/commit_batch.hpp"
#include "state/key_filter.hpp"
#include "state/table_file.hpp"

namespace klamm::inline v0::state {

/// Holds the committed generation (a list of immutable batches) and writes it to the file in the background.
///
///     settle ──▶ [batch batch batch] ──take a prefix──▶ sort, newest wins ──▶ one transaction ──▶ drop the prefix
///
/// Its jobs are the file's only writer and see only settled batches, so the file is always as of exactly one commit. Where there
/// is no file yet the first checkpoint builds it. Owned by a store, and by the job that is posted. `settle` and `flush` are called
/// on the store's thread, the rest by any.
class Checkpointer : public std::enable_shared_from_this<Checkpointer> {
 public:
  /// `table`: the open file, or null where none is; `durable`: what it is as of.
  Checkpointer(const StoreFile& file, std::unique_ptr<TableFile> table, const FilePosition& durable, ports::Executor& executor);

  /// Adds batches that belong to one commit. Starts a checkpoint when enough bytes are dirty, and waits for it when far too many are.
  void settle(std::span<const BatchPtr> batches);
  /// Starts a checkpoint of all that is settled now, without waiting.
  void request();
  /// Waits until all that is settled now is in the file, or writing failed.
  Status flush();
  /// Waits until one checkpoint more is in the file, or writing failed: less than `flush`, where a worker is only too fast.
  void advance();
  /// Adds all keys of the file to `filter`, in the background and before any checkpoint. Not to be touched until `scanned()`.
  void scan_keys(std::shared_ptr<KeyFilter> filter);
  /// False for ever when the file can't be read: who looks up its rows is told so.
  [[nodiscard]] bool scanned() const { return scanned_.load(std::memory_order_acquire); }
  /// Waits for the checkpoint that runs, and lets none start.
  void stop();

  /// Why the last checkpoint failed; ok again when one succeeds.
  Status status() const;
  /// Newest commit in the file. What is older and not in memory can be read from the file.
  [[nodiscard]] CommitNumber durable() const { return durable_.load(std::memory_order_acquire); }
  /// The changelog's offset as of that commit. A power cut does not take it back.
  [[nodiscard]] std::int64_t durable_position() const { return durable_position_.load(std::memory_order_acquire); }
  /// Changes how many dirty bytes start a checkpoint.
  void set_dirty_limit(std::size_t bytes) { dirty_limit_.store(bytes, std::memory_order_relaxed); }
  [[nodiscard]] std::size_t dirty_bytes() const { return dirty_bytes_.load(std::memory_order_relaxed); }
  /// The committed generation, oldest first, and the commit below it: one consistent pair.
  struct Layers {
    std::vector<BatchPtr> batches;
    CommitNumber durable = 0;
  };
  [[nodiscard]] Layers layers() const;

  struct Counters {
    std::uint64_t checkpoints = 0, folds = 0, held_back = 0;
  };
  [[nodiscard]] Counters counters() const;

 private:
  [[nodiscard]] std::size_t dirty_limit() const { return dirty_limit_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t held_back_bytes() const;
  void start(std::unique_lock<std::mutex>& lock);
  void run();
  void checkpoint(std::unique_lock<std::mutex>& lock);
  void scan(std::unique_lock<std::mutex>& lock);
  Status write(const SortedChanges& changes, const CommitBatch& newest);

  const StoreFile file_;
  ports::Executor& executor_;
  std::unique_ptr<TableFile> table_;  // the running job's

  mutable std::mutex mutex_;
  std::condition_variable done_;
  std::vector<BatchPtr> batches_;
  bool scheduled_ = false;  // a job is posted or runs
  bool running_ = false;
  bool requested_ = false;  // asked for by name: no folding instead
  std::atomic<bool> stop_{false};
  std::shared_ptr<KeyFilter> filter_;  // to be filled
  std::atomic<bool> scanned_{false};
  Status status_;
  Counters counters_;
  std::atomic<bool> failed_{false};
  std::atomic<CommitNumber> durable_;
  std::atomic<std::int64_t> durable_position_;
  std::atomic<std::size_t> dirty_bytes_{0};
  std::atomic<std::size_t> dirty_limit_;
};

}  // namespace klamm::inline v0::state
