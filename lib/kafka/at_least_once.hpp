#pragma once

#include "kafka/delivery.hpp"

namespace klamm::inline v0::rdkafka {

/// At least once: an idempotent producer, and the offsets when all records made before them are acknowledged. Later records are sent
/// meanwhile. A broker that is away is waited for.
class AtLeastOnceDelivery final : public Delivery {
 public:
  AtLeastOnceDelivery(const Shared& shared, std::string name) : Delivery{shared, std::move(name), Kind::idempotent} {}
  ~AtLeastOnceDelivery() override { drop_handle(); }

  Status open() override { return make_new_handle(); }
  /// Nothing fences what is written outside transactions: whoever was frozen for longer than his session finds out before he writes.
  [[nodiscard]] bool may_send() override { return shared_.groups.have_lease(); }
  Status send(const Run& run) override;
  Result<bool> settled() override;
  Status commit(GroupCommit commit) override;
  Status abort() override;
  Status serve() override;

 private:
  Status recover(const Failure& failure, const std::string& what);
};

}  // namespace klamm::inline v0::rdkafka
