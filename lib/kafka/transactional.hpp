#pragma once

#include "kafka/delivery.hpp"

namespace klamm::inline v0::rdkafka {

/// Exactly once: records and offsets are one transaction of Kafka's (KIP-447).
///
/// What librdkafka's three flags ask for is done here: a retriable call is made again; a transaction that must be aborted is; for
/// everything else, and when an abort does not help, a new handle takes the place of the old one, whose transaction the broker ends. So is
/// a handle replaced that has had a record refused: up to 2.15 its next transaction fails.
class TransactionalDelivery final : public Delivery {
 public:
  TransactionalDelivery(const Shared& shared, std::string name) : Delivery{shared, std::move(name), Kind::transactional} {}
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
  /// Calls again what is retriable until it is not.
  template <class Call> Failure persist(const Call& call);
  /// Whether these offsets are the group's, now that no transaction of ours is open any more.
  Result<bool> is_committed(const GroupCommit& commit);

  bool open_ = false;     // a transaction
  bool renewed_ = false;  // the handle, by the last `recover`
  int aborts_in_a_row_ = 0;
};

}  // namespace klamm::inline v0::rdkafka
