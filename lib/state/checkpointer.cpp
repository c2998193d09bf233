#include "state/checkpointer.hpp"

#include <exception>
#include <utility>

#include "ports/fault.hpp"
#include "state/key_hash.hpp"

namespace klamm::inline v0::state {

using ports::reached;

// A worker can dirty more than a checkpoint writes: beyond this many limits it waits. Under a budget one is written and one grows.
std::size_t Checkpointer::held_back_bytes() const { return (file_.memory_bytes == 0 ? 4 : 2) * dirty_limit(); }
// Hot rows are folded in memory, not written, while they take less than this part of the limit.
constexpr std::size_t hot_part = 8;

Checkpointer::Checkpointer(const StoreFile& file, std::unique_ptr<TableFile> table, const FilePosition& durable, ports::Executor& executor)
    : file_{file},
      executor_{executor},
      table_{std::move(table)},
      durable_{durable.commit},
      durable_position_{durable.changelog},
      dirty_limit_{file.dirty_bytes} {}

void Checkpointer::settle(std::span<const BatchPtr> batches) {
  std::size_t bytes = 0;
  for (const auto& batch : batches) bytes += batch->bytes();
  std::unique_lock lock{mutex_};
  batches_.insert(batches_.end(), batches.begin(), batches.end());
  dirty_bytes_ += bytes;
  // After a failure the next try is the owner's: at the next interval, not at each commit.
  if (dirty_bytes() < dirty_limit() || failed_) return;
  start(lock);
  if (dirty_bytes() < held_back_bytes()) return;
  ++counters_.held_back;
  done_.wait(lock, [&] { return !scheduled_ || failed_ || dirty_bytes() < held_back_bytes(); });
}

void Checkpointer::request() {
  std::unique_lock lock{mutex_};
  requested_ = true;
  start(lock);
}

Status Checkpointer::flush() {
  std::unique_lock lock{mutex_};
  if (batches_.empty()) return status_;
  const CommitNumber wanted = batches_.back()->number;
  done_.wait(lock, [&] { return !scheduled_; });
  // A job that was on its way may have been one commit short; nothing is settled while this waits.
  if (durable() < wanted) {
    requested_ = true;
    start(lock);
    done_.wait(lock, [&] { return !scheduled_; });
  }
  return status_;
}

void Checkpointer::advance() {
  std::unique_lock lock{mutex_};
  const CommitNumber before = durable();
  // The job that runs may only fold; the next one will not.
  for (int tries = 0; tries < 2 && durable() == before && !batches_.empty(); ++tries) {
    requested_ = true;
    start(lock);
    done_.wait(lock, [&] { return !scheduled_; });
  }
}

void Checkpointer::scan_keys(std::shared_ptr<KeyFilter> filter) {
  std::unique_lock lock{mutex_};
  filter_ = std::move(filter);
  start(lock);
}

void Checkpointer::stop() {
  stop_ = true;  // a scan looks at it
  std::unique_lock lock{mutex_};
  done_.wait(lock, [&] { return !running_; });
  table_.reset();
}

Status Checkpointer::status() const {
  if (!failed_.load(std::memory_order_relaxed)) return {};
  const std::lock_guard lock{mutex_};
  return status_;
}

Checkpointer::Layers Checkpointer::layers() const {
  const std::lock_guard lock{mutex_};
  return {batches_, durable()};
}

Checkpointer::Counters Checkpointer::counters() const {
  const std::lock_guard lock{mutex_};
  return counters_;
}

void Checkpointer::start(std::unique_lock<std::mutex>& lock) {
  if (scheduled_ || stop_ || (batches_.empty() && filter_ == nullptr)) return;
  scheduled_ = true;
  lock.unlock();
  executor_.post([self = shared_from_this()] { self->run(); });
  lock.lock();
}

void Checkpointer::run() {
  std::unique_lock lock{mutex_};
  running_ = true;
  if (!stop_ && filter_ != nullptr) scan(lock);
  if (!stop_ && !batches_.empty()) checkpoint(lock);
  running_ = false;
  scheduled_ = false;
  done_.notify_all();
}

void Checkpointer::scan(std::unique_lock<std::mutex>& lock) {
  const auto filter = std::move(filter_);
  lock.unlock();
  const Status status = table_->scan_keys([&](BytesView key) {
    filter->add(hash_key(key));
    return !stop_.load(std::memory_order_relaxed);
  });
  lock.lock();
  if (status.ok() && !stop_) scanned_.store(true, std::memory_order_release);
}

void Checkpointer::checkpoint(std::unique_lock<std::mutex>& lock) {
  std::vector<BatchPtr> frozen = batches_;
  const bool may_fold = !requested_;
  requested_ = false;
  lock.unlock();

  reached("state: checkpoint: before sort");
  std::size_t bytes = 0;
  for (const auto& batch : frozen) bytes += batch->bytes();
  std::vector<BatchPtr> folded;
  Status status;
  bool written = false;
  try {
    const SortedChanges sorted{frozen};
    if (!(may_fold && sorted.bytes() * hot_part <= dirty_limit())) {
      status = write(sorted, *frozen.back());
      written = status.ok();
      if (written) reached("state: checkpoint: after COMMIT");
    }
    // What can't be written stays, but no more of it than there are rows.
    if (!written && frozen.size() > 1) folded = fold(sorted);
  } catch (const std::exception& e) {
    status = {Code::resource_exhausted, "store \"" + file_.store + "\": checkpoint: " + e.what(), file_.store};
  }

  lock.lock();
  const auto end = batches_.begin() + static_cast<std::ptrdiff_t>(frozen.size());
  if (written) {
    ++counters_.checkpoints;
    dirty_bytes_ -= bytes;
    batches_.erase(batches_.begin(), end);
    durable_position_.store(frozen.back()->position, std::memory_order_release);
    durable_.store(frozen.back()->number, std::memory_order_release);
  } else if (!folded.empty()) {
    if (status.ok()) ++counters_.folds;
    std::size_t left = 0;
    for (const auto& batch : folded) left += batch->bytes();
    dirty_bytes_ -= bytes - left;
    batches_.insert(batches_.erase(batches_.begin(), end), folded.begin(), folded.end());
  }
  status_ = status;
  failed_ = !status.ok();
  // Freeing some hundred batches takes milliseconds; let it not happen under the lock.
  lock.unlock();
  frozen.clear();
  lock.lock();
}

Status Checkpointer::write(const SortedChanges& changes, const CommitBatch& newest) {
  const FilePosition position{newest.position, newest.number, newest.mark, newest.first_segment};
  if (table_ != nullptr) return table_->write(changes, position);
  if (auto status = TableFile::build(file_, changes, position); !status.ok()) return status;
  auto opened = TableFile::open(file_, TableFile::Access::write);
  if (!opened.ok()) return opened.status();
  table_ = *std::move(opened);
  return {};
}

}  // namespace klamm::inline v0::state
