#pragma once

#include "kafka/delivery.hpp"

namespace klamm::inline v0::rdkafka {

/// Exactly once: records and offsets are one transaction of Kafka's (KIP-447).
///
/// What librdkafka's three flags ask for is done here: a retriable call is made again; a transaction that must be aborted is; for
/// everything else, and when an abort does not help, a new handle takes the place of the old one, whose transaction the broker ends. So is
/// a handle replaced that has had a record refused: up to 2.15 its next transaction fails.
///
/// A transaction that was open for longer than its time-out has been ended by the broker. The worker makes smaller ones then; when that
/// does not help, the time-out grows, up to what brokers allow.
class TransactionalDelivery final : public Delivery {
 public:
  TransactionalDelivery(const Shared& shared, std::string name)
      : Delivery{shared, std::move(name), Kind::transactional}, timeout_{shared.cluster.options().transaction_timeout.milliseconds()} {}
  ~TransactionalDelivery() override;

  Status open() override;
  Status send(const Run& run) override;
  Result<bool> settled() override;
  Status commit(GroupCommit commit) override;
  Status abort() override;
  Status serve() override;

 private:
  Status begin();
  Status send_offsets(const GroupCommit& commit);
  /// The transaction failed: aborts it, or replaces the handle.
  Status recover(const Failure& failure, const std::string& what);
  /// Counts transactions that were open for too long; the message of an error when no more time can be given.
  Status judge_time();
  /// Calls again what is retriable until it is not.
  template <class Call> Failure persist(const Call& call);
  /// Whether these offsets are the group's, now that no transaction of ours is open any more.
  Result<bool> is_committed(const GroupCommit& commit);

  bool open_ = false;     // a transaction
  bool renewed_ = false;  // the handle, by the last `recover`
  int aborts_in_a_row_ = 0;
  std::int64_t timeout_;  // ms
  std::int64_t began_at_ = 0;
  int too_long_in_a_row_ = 0;
};

}  // namespace klamm::inline v0::rdkafka
