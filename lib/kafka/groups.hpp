#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "kafka/admin.hpp"

namespace klamm::inline v0::rdkafka {

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
  Seat(Cluster& cluster, Owner& told, std::vector<std::string> topics) : Callbacks{cluster}, owner{&told}, topics_{std::move(topics)} {}

  void rebalance(rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t* partitions) override {
    if (owner != nullptr) owner->rebalance(code, partitions);
  }
  void requested(int api_key) override;
  void answered(int api_key) override;
  void fatal(const Failure& failure) override {
    if (owner != nullptr) owner->fatal(failure);
  }

  // What the member tells of a rebalance.
  void joined(std::span<const log::TopicPartition> partitions);
  /// Inside the callback that revokes commits count.
  void revokes();
  void gone(std::span<const log::TopicPartition> partitions);
  /// What is given up is followed by another JoinGroup.
  void joins();
  /// Whether the group has been heard of within the session time-out: whoever was frozen for longer has lost his partitions.
  [[nodiscard]] bool has_lease() const;
  /// Whether a JoinGroup has ever been answered.
  [[nodiscard]] bool has_been_answered() const;
  /// From a JoinGroup to the assignment.
  [[nodiscard]] bool is_joining() const;
  [[nodiscard]] bool has_nothing() const;

  /// How many times partitions have gone.
  [[nodiscard]] std::uint64_t moves() const;
  /// Whether all of the partitions that the group deals out are this member's, and were when so many had gone: what went and came back may
  /// have been another's. Followers are nobody's.
  [[nodiscard]] bool has_had_since(std::uint64_t moves, const std::vector<log::OffsetCommit>& offsets) const;
  enum class Post : unsigned char { posted, busy, lost };
  /// Has librdkafka commit, unless a JoinGroup is on its way or may be: an offset commit behind it would come with an old generation, and
  /// librdkafka up to 2.10 answers to the refusal by giving up all partitions.
  Post post(std::uint64_t moves, const std::vector<log::OffsetCommit>& offsets, const rd_kafka_topic_partition_list_t* list,
            rd_kafka_queue_t* answer, Failure& failure);

  Owner* owner;

 private:
  void hear_heartbeat(const std::vector<log::OffsetCommit>& offsets);

  const std::vector<std::string> topics_;
  mutable std::mutex mutex_;
  bool joining_ = false, revoking_ = false, answered_ = false;
  // librdkafka joins when the answer to a heartbeat says so. Between that answer and its JoinGroup a commit would be too late already.
  std::uint64_t heartbeats_ = 0, heard_ = 0;
  std::int64_t asked_ms_ = 0, contact_ms_ = 0;  // when a request was sent, and one that has been answered; 0: never
  std::uint64_t moves_ = 0;
  std::map<log::TopicPartition, std::uint64_t> held_;  // with the number of moves before

 public:
  Handle handle;  // last: ends before what it calls back
};

/// Whether and as whom this process was a member when a commit was begun: that is what it is fenced by.
struct Membership {
  bool known = false;          ///< it is or was a member at all; who never was commits unfenced
  std::shared_ptr<Seat> seat;  ///< null: it was not at that moment
  GroupMetadata metadata;      ///< for a transaction
  std::uint64_t moves = 0;     ///< of the seat
};

/// Offsets on their way to a group.
struct GroupCommit {
  std::string group;
  std::vector<log::OffsetCommit> offsets;
  Membership as;
  Signature signature{};                          ///< of whoever leaves a transaction open when it dies now
  std::vector<std::optional<log::Offset>> far{};  ///< where the marks are that are too long for metadata; empty: none is

  /// As librdkafka wants them. `failed_precondition` for a mark that brokers would not keep.
  [[nodiscard]] Result<PartitionList> list() const;
  /// Whether brokers would not keep it as metadata.
  [[nodiscard]] static bool is_far(const std::string& mark);
};

/// The groups this process has been a member of. Any thread.
class Groups {
 public:
  Groups(Cluster& cluster, Admin& admin) : cluster_{cluster}, admin_{admin} {}

  /// False when this process is a member already.
  bool enter(const std::string& group, const std::shared_ptr<Seat>& seat);
  void leave(const std::string& group);

  /// Who is in the group, and has what.
  Result<log::GroupDescription> describe(const std::string& group);
  /// Whether this process may still write as a member of what it is a member of.
  [[nodiscard]] bool have_lease();
  /// As of now. Waits for librdkafka, never for brokers.
  Membership membership(const std::string& group, const std::vector<log::OffsetCommit>& offsets);
  /// Commits in the member's name, or as an administrator where there is none. `aborted` when the member may not any more, `unavailable`
  /// when it is worth another try; that also when `stopping` has ended the wait.
  Status commit(const GroupCommit& commit, const std::atomic<bool>& stopping);

 private:
  Cluster& cluster_;
  Admin& admin_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Seat>> seats_;  // null: has left
};

}  // namespace klamm::inline v0::rdkafka
