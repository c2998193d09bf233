#include "log/directory_inlet.hpp"

#include <utility>

namespace klamm::inline v0::log {

InletQueue::InletQueue(DirectoryCore& core, Topics::Topic topic, std::string feeder)
    : core_{core}, topic_{std::move(topic)}, feeder_{std::move(feeder)} {
  open_.add(topic_.partitions);
}

Status InletQueue::check(const RawMessage& message, std::optional<std::int64_t> position) const {
  const std::string& name = topic_.state.name;
  if (message.partition < 0 || message.partition >= topic_.state.partitions) {
    return {Code::invalid_argument, "topic \"" + name + "\": has no partition " + std::to_string(message.partition), name};
  }
  if (position && feeder_.empty())
    return {Code::failed_precondition, "topic \"" + name + "\": an inlet without a feeder keeps no positions", name};
  return {};
}

Result<bool> InletQueue::send(const RawMessage& message, std::optional<std::int64_t> position, WhenFull when) {
  if (Status status = check(message, position); !status.ok()) return status;
  bool submit = false, hurry = false;
  {
    std::unique_lock lock{mutex_};
    const auto full = [&] { return failed_.ok() && !closed_ && open_.bytes() + taken_bytes_ >= core_.options.inlet_bytes; };
    if (full()) {
      if (when == WhenFull::give_up) return false;
      changed_.wait(lock, [&] { return !full(); });
    }
    if (!failed_.ok()) return failed_;
    if (closed_) return Status{Code::cancelled, "topic \"" + topic_.state.name + "\": the inlet was closed", topic_.state.name};
    const std::size_t before = open_.bytes();
    open_.append(0, message.partition, message.key, message.value, message.timestamp, message.headers);
    if (position) position_ = position;
    ++sent_;
    submit = !std::exchange(queued_, true);
    // A row's worth is there: waiting for more gains nothing. What comes behind it is picked up by the next group anyway.
    hurry = before < BatchBuilder::full_size && open_.bytes() >= BatchBuilder::full_size;
  }
  if (submit) core_.writer->submit(shared_from_this(), core_.options.inlet_linger);
  if (hurry) core_.writer->hurry();
  return true;
}

Status InletQueue::flush() {
  std::unique_lock lock{mutex_};
  const std::uint64_t sent = sent_;
  if (written_ < sent && failed_.ok()) {
    lock.unlock();
    core_.writer->hurry();
    lock.lock();
    changed_.wait(lock, [&] { return written_ >= sent || !failed_.ok(); });
  }
  return failed_;
}

void InletQueue::close() {
  {
    const std::lock_guard lock{mutex_};
    closed_ = true;
  }
  changed_.notify_all();
}

std::size_t InletQueue::prepare() {
  std::size_t batches = 0;
  const std::lock_guard lock{mutex_};
  queued_ = false;
  refused_ = failed_;
  taken_bytes_ = open_.bytes();
  taken_ = open_.take();
  taken_position_ = std::exchange(position_, {});
  taken_sent_ = sent_;
  for (const auto& write : taken_) batches += write.batches.size();
  return batches;
}

Status InletQueue::write(LogFile& file) {
  if (!refused_.ok()) return {};
  auto done = core_.write(file, taken_);
  refused_ = std::move(done.refused);
  if (!done.broken.ok()) return std::move(done.broken);
  if (refused_.ok() && taken_position_) return file.feed_position({feeder_, *taken_position_});
  return {};
}

void InletQueue::publish() {
  if (refused_.ok()) core_.publish(taken_);
}

void InletQueue::ended(const Status& status) {
  taken_.clear();
  {
    const std::lock_guard lock{mutex_};
    taken_bytes_ = 0;
    if (failed_.ok()) failed_ = status.ok() ? refused_ : status;
    if (failed_.ok()) written_ = taken_sent_;
    if (!failed_.ok()) open_.clear();
  }
  changed_.notify_all();
}

DirectoryInlet::DirectoryInlet(DirectoryCore& core, Topics::Topic topic, std::string feeder)
    : core_{core}, feeder_{feeder}, queue_{std::make_shared<InletQueue>(core, std::move(topic), std::move(feeder))} {}

DirectoryInlet::~DirectoryInlet() {
  // The next one of this name starts at the position that this one has reached.
  if (!feeder_.empty()) static_cast<void>(queue_->flush());
  const std::lock_guard lock{core_.feeders_mutex};
  if (!feeder_.empty()) std::erase(core_.feeders, feeder_);
}

Status DirectoryInlet::send(Partition partition, BytesView key, BytesView value, Timestamp timestamp, BytesView headers,
                            std::optional<std::int64_t> position) {
  return queue_
      ->send({.key = key, .value = value, .timestamp = timestamp, .partition = partition, .headers = headers}, position,
             InletQueue::WhenFull::wait)
      .status();
}

Result<bool> DirectoryInlet::try_send(Partition partition, BytesView key, BytesView value, Timestamp timestamp, BytesView headers) {
  return queue_->send({.key = key, .value = value, .timestamp = timestamp, .partition = partition, .headers = headers}, {},
                      InletQueue::WhenFull::give_up);
}

}  // namespace klamm::inline v0::log
