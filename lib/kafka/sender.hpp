#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "kafka/delivery.hpp"

namespace klamm::inline v0::rdkafka {

/// The thread beside a worker that does for it whatever waits for brokers. It takes the worker's jobs in their order:
///
///     records… ─▶ prepare ─▶ (all are in the log) ─▶ commit ─▶ (how it ended) ─▶ records…
///
/// Under exactly once records behind `prepare` wait until the commit has ended; under at least once they go out meanwhile. When a
/// transaction has failed, everything is thrown away until the worker has heard of it. Owned by a producer; all methods on the worker's
/// thread.
class Sender {
 public:
  Sender(std::unique_ptr<Delivery> delivery, Guarantee guarantee, std::function<void()> wake);
  ~Sender();

  /// Waits until the producer has taken its name's place, at most so long. Only a fatal status is told.
  Status wait_until_open(int timeout_ms);

  void add_topic(std::string name, log::Partition partitions);
  /// An empty run, of those that are done with if there are any.
  std::unique_ptr<Run> blank();
  void send(std::unique_ptr<Run> run);
  void prepare();
  std::optional<log::Producer::Prepared> prepared();
  void commit(GroupCommit commit);
  std::optional<log::CommitOutcome> poll();
  void abort();

 private:
  struct Job {
    enum class Kind : unsigned char { topic, records, prepare, commit, abort } kind;
    std::unique_ptr<Run> run{};
    std::uint64_t number = 0;  ///< of the transaction that is prepared
    std::string name{};        ///< topic
    log::Partition partitions = 0;
    GroupCommit commit{};
  };
  struct Answer {
    std::uint64_t number = 0;
    log::Producer::Prepared prepared;
  };

  void work();
  void control(Job job);
  [[nodiscard]] bool ready() const;
  [[nodiscard]] std::optional<Job> next();
  void run(Job job, bool discard);
  void commit_now(GroupCommit commit);
  void look_whether_prepared();
  void answer(log::Producer::Prepared prepared);
  /// The worker goes back to its last commit; what it has posted until it hears of it is thrown away.
  void worker_goes_back();
  void note(const Status& status);
  [[nodiscard]] bool is_fatal() const { return !failed_.ok() && failed_.code() != Code::aborted; }

  const std::unique_ptr<Delivery> delivery_;
  const Guarantee guarantee_;
  const std::function<void()> wake_;
  std::uint64_t asked_ = 0;  // the worker's: which answer to `prepare` it waits for

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> control_, records_;  // what is done at once, and what waits while a transaction is committed
  std::vector<std::unique_ptr<Run>> blanks_;
  std::optional<Answer> answer_;
  std::optional<log::CommitOutcome> outcome_;
  bool opened_ = false, stopping_ = false, discard_ = false;
  Status never_opened_;

  // The thread's own.
  enum class Stage : unsigned char { open, preparing, prepared } stage_ = Stage::open;
  std::uint64_t preparing_ = 0;
  Status failed_;  // what the worker has still to be told; for ever when it is fatal
  std::thread thread_;
};

}  // namespace klamm::inline v0::rdkafka
