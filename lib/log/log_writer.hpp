#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <future>
#include <thread>

#include "log/log_file.hpp"

namespace klamm::inline v0::log {

/// One thing to be written, by itself or with others in one SQLite transaction. The log thread calls its methods, in this order.
class Work {
 public:
  virtual ~Work() = default;
  /// Takes what is to be written: the number of batches.
  virtual std::size_t prepare() { return 0; }
  /// Writes. A status that is not ok ends the log: what a caller did wrong is no such thing, and is told by `ended`.
  virtual Status write(LogFile& file) = 0;
  /// It is committed: shows it to readers.
  virtual void publish() {}
  /// The last call: ok, or why the log could not write.
  virtual void ended(const Status& status) = 0;
};

/// The log thread. It takes all the work that is waiting, writes it in one transaction, publishes it, and tells those who wait. After the
/// first error nothing is written any more, and all work ends with that error. Owned by the log in a directory.
class LogWriter {
 public:
  explicit LogWriter(LogFile& file);
  /// Writes what was submitted before.
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  /// Any thread. The work begins within `patience` at the latest: earlier when other work does.
  void submit(std::shared_ptr<Work> work, Duration patience = {});
  /// All that was submitted begins now.
  void hurry();
  /// Calls back after each transaction with the number of pages in the write-ahead log. Before the first `submit`.
  void on_commit(std::function<void(int wal_pages)> callback) { committed_ = std::move(callback); }

 private:
  using Clock = std::chrono::steady_clock;
  void run();
  void run_group(std::span<const std::shared_ptr<Work>> group);
  Status write(std::span<const std::shared_ptr<Work>> group);

  LogFile& file_;
  std::function<void(int)> committed_;
  Status failed_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::shared_ptr<Work>> queue_;
  Clock::time_point due_ = Clock::time_point::max();
  bool stop_ = false;
  std::thread thread_;  // last: it uses all of the above
};

/// Work that its caller waits for.
class Call final : public Work {
 public:
  /// What a write did: `refused` is the caller's fault, `broken` ends the log.
  struct Done {
    Status broken;
    Status refused;
  };
  using Write = std::function<Done(LogFile&)>;
  Call(Write write, std::function<void()> publish) : write_{std::move(write)}, publish_{std::move(publish)} {}

  /// Submits the work, and returns when it has ended.
  static Status run(LogWriter& writer, Write write, std::function<void()> publish);

  Status write(LogFile& file) override {
    auto done = write_(file);
    refused_ = std::move(done.refused);
    return std::move(done.broken);
  }
  void publish() override {
    if (refused_.ok() && publish_) publish_();
  }
  void ended(const Status& status) override { ended_.set_value(status.ok() ? refused_ : status); }

 private:
  const Write write_;
  const std::function<void()> publish_;
  Status refused_;
  std::promise<Status> ended_;
};

}  // namespace klamm::inline v0::log
