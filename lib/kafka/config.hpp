#pragma once

#include <mutex>
#include <string>

#include "kafka/cluster.hpp"

namespace klamm::inline v0::rdkafka {

/// The kinds of handles that klamm makes.
enum class Kind : unsigned char { member, reader, transactional, idempotent, inlet, admin };

/// Whether every setting of the user is known to librdkafka and not klamm's own: all problems in one message.
Status check_settings(const KafkaOptions& options);

/// Gets what librdkafka calls back with. Lives longer than its handle.
class Callbacks {
 public:
  explicit Callbacks(Cluster& cluster) : cluster_{cluster} {}
  Callbacks(const Callbacks&) = delete;
  Callbacks& operator=(const Callbacks&) = delete;
  virtual ~Callbacks() = default;

  /// Of a producer, on the thread that polls it, in the order of a partition's records.
  virtual void delivered(const rd_kafka_message_t&) {}
  /// Of a member, inside its poll.
  virtual void rebalance(rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t*) {}
  /// Of a member, on librdkafka's thread: a request of this kind goes out.
  virtual void requested(int /*api_key*/) {}
  /// Likewise: an answer has come in, and will be looked at by another thread. Must not call librdkafka.
  virtual void answered(int /*api_key*/) {}
  /// The handle can't go on. On the thread that polls it.
  virtual void fatal(const Failure&) {}

  /// Nothing is told any more: the handle outlives those who listen.
  void mute();
  void line(Level level, const std::string& text) const;
  void error(rd_kafka_t* handle, rd_kafka_resp_err_t code, const char* text);

 protected:
  Cluster& cluster_;

 private:
  void suspect();

  mutable std::mutex speaking_;
  bool muted_ = false;
};

/// Makes a handle of this kind: the user's settings, then klamm's own. `name` is the group of a member, the transactional id of a
/// transactional producer. `other`: settings of klamm's that differ from the usual.
Result<Handle> make_handle(Kind kind, Cluster& cluster, Callbacks& callbacks, const std::string& name = {}, const Settings& other = {});

/// What a reader may have fetched ahead of its task before librdkafka stops fetching.
struct FetchAhead {
  std::size_t messages, bytes;
};
FetchAhead fetch_ahead(const KafkaOptions& options);
/// Whether this librdkafka must be told to fetch again when a queue that was full has been read (2.2 has fetch.queue.backoff.ms instead).
bool needs_kicks();
/// Whether this librdkafka gives up all partitions when an offset commit comes behind a JoinGroup (2.10 has that mended).
bool loses_all_by_late_commit();
/// Whether a member of this librdkafka may end before its first assignment (before 2.3 an assertion of its assignor ends the process).
bool ends_before_assignment();

}  // namespace klamm::inline v0::rdkafka
