#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kafka/admin.hpp"
#include "kafka/groups.hpp"
#include "kafka/run.hpp"
#include "klamm/guarantee.hpp"

namespace klamm::inline v0::rdkafka {

/// Gets the records of one worker into the log, a transaction at a time, and their offsets with them. What waits for brokers waits here, on
/// the thread of a Sender; it owns the handle, and makes a new one when librdkafka says that the old one is done for.
///
/// Every Status is ok, or `aborted` (nothing of the transaction is or will be in the log, and a new one can begin), or fatal. `cancelled`
/// when `stop` ended the wait.
class Delivery : public Callbacks {
 public:
  struct Shared {
    Cluster& cluster;
    Admin& admin;
    Groups& groups;
  };
  static std::unique_ptr<Delivery> make(const Shared& shared, std::string name, Guarantee guarantee);

  /// Makes the handle, and ends what an earlier producer of this name has left open. Waits for the brokers.
  virtual Status open() = 0;
  /// Makes the topic known as the next number.
  void add_topic(const std::string& name, log::Partition partitions);
  /// Whether records may be handed over now; else they wait, with what `abort` takes back.
  [[nodiscard]] virtual bool may_send() { return true; }
  /// Begins a transaction if none is open, and hands over the records.
  virtual Status send(const Run& run) = 0;
  /// No more records in this transaction: `settled` is about those so far.
  void freeze();
  /// Whether all records that are frozen are in the log; waits a moment for it.
  virtual Result<bool> settled() = 0;
  [[nodiscard]] std::vector<log::Producer::Prepared::End> ends() const;
  virtual Status commit(GroupCommit commit) = 0;
  virtual Status abort() = 0;
  /// Hears of deliveries; whether one of the open transaction has failed, and how that ended.
  virtual Status serve() = 0;
  /// Ends waits, from any thread.
  void stop() { stopping_ = true; }

  void delivered(const rd_kafka_message_t& message) override;
  void fatal(const Failure& failure) override { handle_failure_ = failure; }

 protected:
  Delivery(const Shared& shared, std::string name, Kind kind)
      : Callbacks{shared.cluster}, shared_{shared}, name_{std::move(name)}, kind_{kind} {}

  /// A new handle with all topics.
  Status make_new_handle();
  void drop_handle();
  /// Hands the records over and waits while librdkafka's queue is full. The first record that is refused ends it.
  Failure produce_all(const Run& run);
  /// Forgets the records so far, after a failure.
  void reset_counts();
  [[nodiscard]] bool all_acknowledged() const;
  [[nodiscard]] bool stopping() const { return stopping_; }
  [[nodiscard]] const std::atomic<bool>& stop_requested() const { return stopping_; }
  [[nodiscard]] Status cancelled() const { return {Code::cancelled, "producer \"" + name_ + "\": was stopped", name_}; }
  [[nodiscard]] std::string about(const Run& run) const;
  void pause() const;
  /// Writes the marks that are too long for metadata to their topic, as part of the commit, and says in it where they are.
  Status write_far_marks(GroupCommit& commit);
  /// What a failure that goes on with a new transaction is told as. The same record refused twice in a row is fatal.
  Status aborted(const Failure& failure, const std::string& what);

  const Shared shared_;
  const std::string name_;
  Handle handle_;
  Settings other_settings_;    ///< of the next handle, where they differ from the usual
  Failure record_failure_;     ///< of the first record that could not be delivered
  std::string failed_record_;  ///< which: topic and partition
  Failure handle_failure_;     ///< the handle can't go on
  std::string refused_;        ///< where the broker has refused a record, and why, since the last commit

 private:
  /// Of a partition: how many records went out and came back as acknowledged since the handle was made.
  struct Progress {
    std::uint64_t produced = 0, acknowledged = 0, frozen = 0, frozen_before = 0;
    log::Offset end = -1, frozen_end = -1;
  };
  struct Target {
    std::string name;
    TopicHandle topic;
    std::vector<std::unique_ptr<Progress>> partitions;
  };
  void prime(Target& target);

  const Kind kind_;
  Result<log::Offset> write_mark(BytesView key, BytesView mark);

  std::vector<Target> targets_;
  std::unique_ptr<Target> marks_;  // null until it is needed
  std::atomic<bool> stopping_{false};
};

}  // namespace klamm::inline v0::rdkafka
