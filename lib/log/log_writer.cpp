#include "log/log_writer.hpp"

#include <pthread.h>

#include <utility>

#include "ports/fault.hpp"

namespace klamm::inline v0::log {

LogWriter::LogWriter(LogFile& file) : file_{file}, thread_{[this] { run(); }} { pthread_setname_np(thread_.native_handle(), "klamm-log"); }

LogWriter::~LogWriter() {
  {
    const std::lock_guard lock{mutex_};
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void LogWriter::submit(std::shared_ptr<Work> work, Duration patience) {
  const auto due = Clock::now() + std::chrono::milliseconds{patience.milliseconds()};
  bool sooner = false;
  {
    const std::lock_guard lock{mutex_};
    queue_.push_back(std::move(work));
    sooner = due < due_;
    if (sooner) due_ = due;
  }
  if (sooner) wake_.notify_one();
}

void LogWriter::hurry() {
  {
    const std::lock_guard lock{mutex_};
    if (queue_.empty()) return;
    due_ = Clock::time_point::min();
  }
  wake_.notify_one();
}

void LogWriter::run() {
  std::unique_lock lock{mutex_};
  for (;;) {
    while (!stop_ && Clock::now() < due_) {
      // Waiting until the end of time overflows inside wait_until.
      if (due_ == Clock::time_point::max()) {
        wake_.wait(lock);
      } else {
        wake_.wait_until(lock, due_);
      }
    }
    if (queue_.empty()) return;
    const std::vector<std::shared_ptr<Work>> group{std::make_move_iterator(queue_.begin()), std::make_move_iterator(queue_.end())};
    queue_.clear();
    due_ = Clock::time_point::max();
    lock.unlock();
    run_group(group);
    lock.lock();
  }
}

void LogWriter::run_group(std::span<const std::shared_ptr<Work>> group) {
  if (failed_.ok()) {
    failed_ = write(group);
    if (failed_.ok()) {
      ports::reached("log: after commit");
      for (const auto& work : group) work->publish();
      ports::reached("log: after publish");
    }
  }
  for (const auto& work : group) work->ended(failed_);
  if (failed_.ok() && committed_) committed_(file_.wal_pages());
}

Status LogWriter::write(std::span<const std::shared_ptr<Work>> group) {
  std::size_t batches = 0;
  for (const auto& work : group) batches += work->prepare();
  ports::reached("log: before begin");
  if (Status status = file_.begin(batches); !status.ok()) return status;
  Status status;
  for (const auto& work : group) {
    status = work->write(file_);
    if (!status.ok()) break;
  }
  if (status.ok()) {
    ports::reached("log: before commit");
    status = file_.commit();
  }
  if (!status.ok()) file_.rollback();
  return status;
}

Status Call::run(LogWriter& writer, Write write, std::function<void()> publish) {
  auto call = std::make_shared<Call>(std::move(write), std::move(publish));
  auto ended = call->ended_.get_future();
  writer.submit(std::move(call));
  return ended.get();
}

}  // namespace klamm::inline v0::log
