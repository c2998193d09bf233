#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "kafka/config.hpp"

namespace klamm::inline v0::rdkafka {

struct GroupCommit;

/// What a topic is, as far as klamm minds.
struct TopicInfo {
  log::TopicState state;
  std::optional<std::size_t> max_message_bytes;  ///< what the topic takes at most; unknown without the right to describe it
  Settings settings{};                           ///< all of them; empty without that right
  std::optional<std::int64_t> timestamps_before_ms{},
      timestamps_after_ms{};  ///< how far from now they may be; none where the broker sets them
};

/// Topics, offsets and groups of the cluster. Every call waits for the cluster's answer, at most the request timeout: `unavailable` then.
/// Owned by the log; any thread.
class Admin {
 public:
  static Result<std::unique_ptr<Admin>> connect(Cluster& cluster, Callbacks& callbacks);
  ~Admin();

  // admin_topics.cpp
  /// The number of partitions, 0 when there is no such topic.
  Result<log::Partition> partitions(const std::string& topic);
  Result<std::optional<TopicInfo>> topic(const std::string& name);
  /// Removes the topics that there are, and waits until they are gone.
  Status remove(std::span<const std::string> topics);
  Status purge(const std::map<log::TopicPartition, log::Offset>& before);
  Result<log::Bounds> bounds(const log::TopicPartition& tp);

  // admin_create.cpp
  /// Creates what is missing, internal topics so that records survive whatever their timestamps are, and waits until all partitions have
  /// leaders. All that is wrong with topics that exist is told together.
  Status create(std::span<const log::TopicState> topics);

  // admin_groups.cpp
  struct Kept {
    log::Offset offset = 0;
    OffsetMetadata metadata{};
  };
  /// `unavailable` while a transaction that would change them is open.
  Result<std::vector<std::optional<Kept>>> committed(const std::string& group, std::span<const log::TopicPartition> partitions);
  /// `self`: the id of this process's member.
  Result<std::vector<log::GroupMember>> members(const std::string& group, const std::string& self);
  /// Of a group without members: others are not allowed to have their offsets changed.
  Status commit(const GroupCommit& commit);
  struct Signed {
    log::TopicPartition input;
    Signature signature;
  };
  /// Who has committed in the group lately, whatever is open.
  Result<std::vector<Signed>> signatures(const std::string& group);
  /// The instances that are its members.
  Result<std::set<std::string>> instances(const std::string& group);
  /// Forgets what the group has committed; `failed_precondition` while it has members.
  Status forget(const std::string& group);

  /// Whether a broker answers within the time.
  bool reachable(int timeout_ms);
  /// Calls back what the handle has to say.
  void serve() { rd_kafka_poll(handle_.get(), 0); }

 private:
  explicit Admin(Cluster& cluster) : cluster_{cluster} {}
  using Options = std::unique_ptr<rd_kafka_AdminOptions_t, Destroy<rd_kafka_AdminOptions_destroy>>;
  Options options(rd_kafka_admin_op_t operation) const;
  /// The answer to a request that `send` has sent to the queue, or why there is none.
  template <class Send> Result<Event> ask(const std::string& what, const std::string& object, const Send& send) {
    return ask(what, object, send, cluster_.timeout_ms() + 1'000);
  }
  /// The same for who can't wait so long. Nobody waits for brokers that are away.
  template <class Send> Result<Event> ask(const std::string& what, const std::string& object, const Send& send, int timeout_ms);
  Status wait_for(const std::string& topic, log::Partition partitions);
  /// `already_exists` when somebody was quicker.
  Status create_one(const log::TopicState& topic, const Settings& settings);
  void describe(TopicInfo& topic);
  /// Calls `each` with every member of the group.
  Status describe(const std::string& group, const std::function<void(const rd_kafka_MemberDescription_t*)>& each);
  /// Of these partitions, or of all that the group has committed. Calls `take` while the answer lives.
  Status list_offsets(const std::string& group, rd_kafka_topic_partition_list_t* partitions, int stable,
                      const std::function<Status(const rd_kafka_topic_partition_list_t*)>& take);

  Cluster& cluster_;
  Handle handle_;
};

template <class Send> Result<Event> Admin::ask(const std::string& what, const std::string& object, const Send& send, int timeout_ms) {
  constexpr int slice_ms = 100;
  const Queue queue{rd_kafka_queue_new(handle_.get())};
  send(queue.get());
  Event event;
  for (int left = timeout_ms; event == nullptr && left > 0 && !cluster_.away(); left -= slice_ms)
    event.reset(rd_kafka_queue_poll(queue.get(), std::min(left, slice_ms)));
  const Failure failure = event == nullptr ? failure_of(RD_KAFKA_RESP_ERR__TIMED_OUT)
                                           : Failure{.code = rd_kafka_event_error(event.get()),
                                                     .text = rd_kafka_event_error(event.get()) == RD_KAFKA_RESP_ERR_NO_ERROR
                                                                 ? std::string{}
                                                                 : std::string{rd_kafka_event_error_string(event.get())}};
  if (!failure.ok()) return cluster_.status(failure, what, object);
  return event;
}

}  // namespace klamm::inline v0::rdkafka
