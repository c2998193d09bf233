#include "log/partition_log.hpp"

#include <algorithm>
#include <cassert>

namespace klamm::inline v0::log {

void ReaderMark::wake() {
  const std::lock_guard lock{mutex_};
  if (wake_) wake_();
}

void ReaderMark::detach() {
  const std::lock_guard lock{mutex_};
  wake_ = nullptr;
}

Bounds PartitionLog::bounds() const {
  const std::lock_guard lock{mutex_};
  return bounds_;
}

void PartitionLog::publish(std::span<const std::shared_ptr<Batch>> batches) {
  const std::lock_guard lock{mutex_};
  close_tail();
  for (const auto& batch : batches) {
    assert(batches_.empty() || batch->base_offset() >= batches_.back()->next_offset());
    push(batch);
    bounds_.end = std::max(bounds_.end, batch->next_offset());
  }
}

void PartitionLog::publish(const RawMessage& message) {
  const std::lock_guard lock{mutex_};
  if (tail_.full()) close_tail();
  if (tail_.empty()) tail_.start_at(bounds_.end);
  tail_.append(message.key, message.value, message.timestamp, message.headers);
  bounds_.end = tail_.next_offset();
}

void PartitionLog::close_tail() {
  if (!tail_.empty()) push(tail_.take());
}

void PartitionLog::push(BatchPtr batch) {
  bytes_ += batch->bytes().size();
  batches_.push_back(std::move(batch));
}

void PartitionLog::pop_front() {
  bytes_ -= batches_.front()->bytes().size();
  batches_.pop_front();
}

void PartitionLog::wake_readers() {
  // Called without the lock, so that a callback may do what it likes.
  std::vector<std::shared_ptr<ReaderMark>> waiting;
  {
    const std::lock_guard lock{mutex_};
    for (const auto& mark : readers_) {
      if (mark->position.load() < bounds_.end && mark->waits.exchange(false)) waiting.push_back(mark);
    }
  }
  for (const auto& mark : waiting) mark->wake();
}

bool PartitionLog::purge(Offset before) {
  const std::lock_guard lock{mutex_};
  before = std::min(before, bounds_.end);
  if (before <= bounds_.begin) return false;
  close_tail();
  bounds_.begin = before;
  while (!batches_.empty() && batches_.front()->next_offset() <= before) pop_front();
  return true;
}

void PartitionLog::evict(Offset before) {
  const std::lock_guard lock{mutex_};
  while (!batches_.empty() && batches_.front()->base_offset() < before) pop_front();
}

void PartitionLog::replace(std::deque<BatchPtr> batches) {
  const std::lock_guard lock{mutex_};
  assert(tail_.empty());
  batches_.clear();
  bytes_ = 0;
  for (auto& batch : batches) push(std::move(batch));
}

std::size_t PartitionLog::bytes() const {
  const std::lock_guard lock{mutex_};
  return bytes_ + tail_.bytes();
}

std::deque<BatchPtr> PartitionLog::batches() {
  const std::lock_guard lock{mutex_};
  close_tail();
  return batches_;
}

Offset PartitionLog::slowest_reader(Offset none) const {
  const std::lock_guard lock{mutex_};
  Offset slowest = none;
  for (const auto& mark : readers_) slowest = std::min(slowest, mark->position.load());
  return slowest;
}

void PartitionLog::remove() {
  removed_ = true;
  const std::lock_guard lock{mutex_};
  tail_.clear();
  batches_.clear();
  bytes_ = 0;
}

void PartitionLog::attach(std::shared_ptr<ReaderMark> mark) {
  const std::lock_guard lock{mutex_};
  readers_.push_back(std::move(mark));
}

void PartitionLog::detach(const ReaderMark* mark) {
  const std::lock_guard lock{mutex_};
  std::erase_if(readers_, [mark](const auto& reader) { return reader.get() == mark; });
}

PartitionLog::Found PartitionLog::find(Offset position, ReaderMark& mark) {
  const std::lock_guard lock{mutex_};
  Found found{bounds_, nullptr};
  if (position < bounds_.begin || position > bounds_.end) return found;
  if (position == bounds_.end) {
    mark.waits = true;
    return found;
  }
  close_tail();
  if (batches_.empty() || position < batches_.front()->base_offset()) {
    found.elsewhere = true;
    if (!batches_.empty()) found.batch = batches_.front();
    return found;
  }
  const auto batch =
      std::partition_point(batches_.begin(), batches_.end(), [&](const BatchPtr& b) { return b->next_offset() <= position; });
  if (batch != batches_.end()) found.batch = *batch;
  return found;
}

PartitionReader::PartitionReader(std::shared_ptr<PartitionLog> partition, Offset from, std::function<void()> wake, Load load)
    : partition_{std::move(partition)}, mark_{std::make_shared<ReaderMark>(from, std::move(wake))}, load_{std::move(load)} {
  partition_->attach(mark_);
}

PartitionReader::~PartitionReader() {
  partition_->detach(mark_.get());
  mark_->detach();
}

void PartitionReader::seek(Offset offset) {
  batch_ = nullptr;
  messages_.clear();
  next_ = 0;
  move_to(offset);
}

Status PartitionReader::damaged(const std::string& why) const {
  const std::string name = to_string(partition_->name());
  return {Code::data_loss, "partition " + name + ": offset " + std::to_string(position()) + ": " + why, name};
}

Status PartitionReader::within(const Bounds& bounds) const {
  if (position() >= bounds.begin && position() <= bounds.end) return {};
  const std::string name = to_string(partition_->name());
  return {Code::out_of_range,
          "partition " + name + ": offset " + std::to_string(position()) + " is not in the log, which has " + std::to_string(bounds.begin) +
              " up to " + std::to_string(bounds.end),
          name};
}

Status PartitionReader::fetch() {
  const auto found = partition_->find(position(), *mark_);
  if (Status status = within(found.bounds); !status.ok()) return status;
  if (position() == found.bounds.end) return {};
  BatchPtr batch = found.batch;
  if (found.elsewhere && load_) {
    auto loaded = load_(*partition_, position());
    if (!loaded.ok()) return loaded.status();
    // What the file has behind the first batch in memory is that batch itself.
    if (*loaded != nullptr && (batch == nullptr || (*loaded)->base_offset() < batch->base_offset())) batch = *std::move(loaded);
  }
  if (batch == nullptr) {
    move_to(found.bounds.end);
    return {};
  }
  if (!batch->decode(partition_->name().partition, messages_)) {
    messages_.clear();
    return damaged("the batch holds no records");
  }
  batch_ = std::move(batch);
  next_ = 0;
  while (next_ < messages_.size() && messages_[next_].offset < position()) ++next_;
  return {};
}

Result<std::size_t> PartitionReader::poll(std::size_t limit, const Take& take) {
  if (partition_->removed())
    return Status{Code::not_found, "topic \"" + partition_->name().topic + "\": was removed", partition_->name().topic};
  if (Status status = within(partition_->bounds()); !status.ok()) return status;
  std::size_t taken = 0;
  while (taken < limit) {
    if (next_ == messages_.size()) {
      if (Status status = fetch(); !status.ok()) {
        if (taken != 0) return taken;  // the next poll meets it again
        return status;
      }
      if (next_ == messages_.size()) break;
    }
    const std::size_t run = std::min(limit - taken, messages_.size() - next_);
    const std::size_t took = std::min(run, take({messages_.data() + next_, run}));
    next_ += took;
    taken += took;
    if (next_ == messages_.size()) {
      move_to(batch_->next_offset());
    } else {
      move_to(messages_[next_].offset);
    }
    if (took < run) break;
  }
  return taken;
}

}  // namespace klamm::inline v0::log
