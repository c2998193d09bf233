#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "kafka/admin.hpp"

namespace klamm::inline v0::rdkafka {

/// The offsets as librdkafka wants them, marks in base64. `failed_precondition` for a mark that brokers would not keep.
Result<PartitionList> to_list(const std::vector<log::OffsetCommit>& offsets, const std::string& group);

/// The handle by which this process is a member of a group, shared by the member and the producers that commit in its name.
class Seat final : public Callbacks {
 public:
  /// Who is told of rebalances, inside its own poll; null once it has left.
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void rebalance(rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t* partitions) = 0;
    virtual void fatal(const Failure& failure) = 0;
  };
  Seat(Cluster& cluster, Owner& told) : Callbacks{cluster}, owner{&told} {}

  void rebalance(rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t* partitions) override {
    if (owner != nullptr) owner->rebalance(code, partitions);
  }
  void requested(int api_key) override;
  void fatal(const Failure& failure) override {
    if (owner != nullptr) owner->fatal(failure);
  }

  Owner* owner;
  /// A JoinGroup is on its way: an offset commit behind it would come with an old generation, and librdkafka up to 2.10 answers to the
  /// refusal by giving up all partitions.
  std::atomic<bool> joining{false};
  std::atomic<bool> revoking{false};  ///< inside the callback, where commits count
  Handle handle;                      // last: ends before what it calls back
};

/// The groups this process has been a member of. Any thread.
class Groups {
 public:
  Groups(Cluster& cluster, Admin& admin) : cluster_{cluster}, admin_{admin} {}

  /// False when this process is a member already.
  bool enter(const std::string& group, const std::shared_ptr<Seat>& seat);
  /// The seat keeps what it was, so that commits that come too late are refused by the broker.
  void leave(const std::string& group);

  /// What fences a transaction by: the member's generation; of a group without a member here, none.
  GroupMetadata metadata(const std::string& group);
  /// Commits in the member's name, or as an administrator where there is none. `aborted` when the member may not any more, `unavailable`
  /// when it is worth another try; that also when `stopping` has ended the wait.
  Status commit(const std::string& group, const std::vector<log::OffsetCommit>& offsets, const std::atomic<bool>& stopping);

 private:
  struct Entry {
    std::shared_ptr<Seat> seat;  // null: has left
    GroupMetadata last;
  };
  std::shared_ptr<Seat> seat(const std::string& group, bool* known);

  Cluster& cluster_;
  Admin& admin_;
  std::mutex mutex_;
  std::map<std::string, Entry> entries_;
};

}  // namespace klamm::inline v0::rdkafka
