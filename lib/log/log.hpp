#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "klamm/guarantee.hpp"
#include "klamm/record.hpp"
#include "klamm/status.hpp"

// The log port: all that klamm asks of Kafka, or of the log that takes its place. Nothing here knows of tasks, operators or stores.
//
// `unavailable`, of any call: the log is away, or can't tell yet. Nothing has happened; ask again later. No call waits for a log to come
// back.

namespace klamm::inline v0::log {

using Offset = std::int64_t;
using Partition = std::int32_t;

struct TopicPartition {
  std::string topic;
  Partition partition = 0;
  friend auto operator<=>(const TopicPartition&, const TopicPartition&) = default;
};
/// `topic-partition`, as Kafka's tools write it.
std::string to_string(const TopicPartition& tp);

/// What may happen to records that are not needed any more.
enum class Cleanup : unsigned char {
  keep,               ///< nothing by itself; `purge` drops from the front
  compact,            ///< the last record of each key stays; a tombstone only as long as somebody may need it
  compact_and_purge,  ///< both: `purge` drops from the front too
};
constexpr bool compacts(Cleanup cleanup) { return cleanup != Cleanup::keep; }
/// As Kafka's cleanup.policy has it.
constexpr const char* policy_of(Cleanup cleanup) {
  return cleanup == Cleanup::keep ? "delete" : cleanup == Cleanup::compact ? "compact" : "compact,delete";
}

/// Whose a topic is.
enum class Owner : bool {
  user,         ///< made with the log's own defaults, and otherwise left alone
  application,  ///< internal: no record may go because of its age, nor be refused because of its time
};

struct TopicState {
  std::string name;
  Partition partitions = 1;
  Cleanup cleanup = Cleanup::keep;
  Owner owner = Owner::user;
};

/// The offsets of the oldest record and behind the newest committed one.
struct Bounds {
  Offset begin = 0;
  Offset end = 0;
};

/// A group's position in a partition, with the commit mark as metadata (any bytes).
struct Committed {
  Offset offset = 0;
  std::string metadata;
};
struct OffsetCommit {
  TopicPartition input;
  Committed committed;
};
/// How far a feeder has read its own source (a file, say), in the feeder's own terms.
struct FeedPosition {
  std::string feeder;
  std::int64_t position = 0;
};

/// Reads one partition in order of offsets, committed records only. Used by one thread.
class Reader {
 public:
  /// Takes a run of consecutive messages, and returns how many of them it took; fewer than it got ends the poll.
  /// The messages are valid during the call.
  using Take = std::function<std::size_t(std::span<const RawMessage>)>;

  virtual ~Reader() = default;
  /// Hands on what is there, at most `limit` messages, without waiting. Returns how many were taken.
  /// `out_of_range` when the position is not in the log (purged, or ahead of it).
  virtual Result<std::size_t> poll(std::size_t limit, const Take& take) = 0;
  /// The offset of the next message; moves over gaps that compaction left, and stands at the end when all is read.
  [[nodiscard]] virtual Offset position() const = 0;
  virtual void seek(Offset offset) = 0;
  /// Whether it has been at the end since it was made or last sought. Before that a poll that finds nothing says nothing: records may be on
  /// their way.
  [[nodiscard]] virtual bool has_been_at_end() const { return true; }
  /// Behind the newest committed record, as far as known here: the lag is `end() - position()`.
  [[nodiscard]] virtual Offset end() const = 0;
};

/// How a commit ended.
struct CommitOutcome {
  Status status;  ///< ok; `aborted`: nothing of it is in the log, go back to the committed offsets; anything else is fatal
};

/// What one worker writes, a transaction at a time: records to any partitions, and with them the offsets of what they were made from.
///
///     append… ─▶ prepare ─▶ prepared: all records are in, and where they ended ─▶ commit, with marks made from that ─▶ poll: how it ended
///
/// Used by one thread, the worker's, which never waits here: from `prepare` on what is appended belongs to the next transaction.
class Producer {
 public:
  using Topic = int;  ///< a topic's number here, so that nothing is looked up by name per record

  virtual ~Producer() = default;
  /// `not_found` when the topic does not exist.
  virtual Result<Topic> topic(const std::string& name) = 0;
  /// What a topic takes, as of when it was looked up.
  struct Limits {
    std::size_t bytes = SIZE_MAX;                              ///< of a record: key, value, headers
    std::int64_t before_ms = INT64_MAX, after_ms = INT64_MAX;  ///< how far its timestamp may be from now
  };
  [[nodiscard]] virtual Limits limits(Topic) const { return {}; }
  /// Copies the record into the open transaction. A null key or value has `data() == nullptr`. `headers` in the form of klamm::Headers.
  virtual void append(Topic topic, Partition partition, BytesView key, BytesView value, Timestamp timestamp, BytesView headers) = 0;
  /// Bytes in the open transaction and in the one that is being committed: the measure of backpressure.
  [[nodiscard]] virtual std::size_t pending_bytes() const = 0;

  /// How the records of the transaction got in.
  struct Prepared {
    struct End {
      Topic topic = 0;
      Partition partition = 0;
      Offset offset = 0;         ///< behind the last record; exact where nobody else writes to the partition
      std::int64_t records = 0;  ///< how many they are, where nothing but records takes offsets; else 0
    };
    Status status;          ///< ok; `aborted`: they never will be, and the open transaction is dropped too; anything else is fatal
    std::vector<End> ends;  ///< of the partitions appended to
  };
  /// Ends the records of the open transaction, without waiting. Only when the one before has ended: by `poll`, `prepared` or `abort`.
  virtual void prepare() = 0;
  /// Nothing while records are under way; then how they got in, once.
  virtual std::optional<Prepared> prepared() = 0;
  /// Commits what was prepared with these offsets and positions, without waiting. Records are optional: offsets alone are a commit too.
  /// `aborted` by `poll` unless this process's member had all of the partitions in its group when this was called, and has not lost them
  /// since: one that was out and came back is another member.
  virtual void commit(const std::string& group, std::vector<OffsetCommit> offsets, std::vector<FeedPosition> positions) = 0;
  /// How the commit in flight ended, once; nothing while it is under way. After `aborted` the open transaction is dropped too.
  virtual std::optional<CommitOutcome> poll() = 0;
  /// Drops the open transaction, and the one that was prepared; not while a commit is in flight.
  virtual void abort() = 0;
};

/// What other threads put in: each record is committed soon, by itself or with others. Any thread, all methods.
class Inlet {
 public:
  virtual ~Inlet() = default;
  /// Copies the record; blocks while too much is waiting to be written. `position` is committed together with the record.
  /// A status that is not ok says why the log can't take any more.
  virtual Status send(Partition partition, BytesView key, BytesView value, Timestamp timestamp, BytesView headers,
                      std::optional<std::int64_t> position) = 0;
  /// The same without ever blocking: false when too much is waiting.
  virtual Result<bool> try_send(Partition partition, BytesView key, BytesView value, Timestamp timestamp, BytesView headers) = 0;
  /// Returns when all that was sent before is committed (and, in a directory, survives a power cut).
  virtual Status flush() = 0;
  /// Ends calls that wait for room, and refuses those that follow, with `cancelled`.
  virtual void close() = 0;
};

/// Is told which partitions of the subscribed topics are this member's. Called inside `Member::poll`; what stays is not mentioned.
class GroupListener {
 public:
  virtual ~GroupListener() = default;
  /// These are this member's from now on, beside those it has. The first assignment is told even when it is empty.
  virtual void assigned(std::span<const TopicPartition> partitions) = 0;
  /// These go to others when the call returns: until then commits of them count.
  virtual void revoked(std::span<const TopicPartition> partitions) = 0;
  /// Others have these already, or may have: commits of them are refused.
  virtual void lost(std::span<const TopicPartition> partitions) = 0;
};

/// One member of a consumer group. Used by one thread.
class Member {
 public:
  virtual ~Member() = default;  ///< leaves the group, without a call of the listener
  /// Does what the group has to do, without waiting. A status that is not ok ends the application.
  virtual Status poll() = 0;
};

/// A member of a group, as everybody sees it.
struct GroupMember {
  std::string id;     ///< of this membership: another one when it comes back
  bool self = false;  ///< this process's
  /// Of the subscribed topics, as of the last rebalance: a partition on its way from one member to another is nobody's.
  std::vector<TopicPartition> partitions;
};
struct GroupDescription {
  std::vector<GroupMember> members;  ///< this process's included; none where a group has one member at most
  /// The subscribed topics in an order that matters to where partitions go (runtime/succession.hpp). Those that are not here are last, by
  /// name.
  std::vector<std::string> topics{};
};

/// One log. Thread-safe but for what is said above.
class Log {
 public:
  virtual ~Log() = default;
  /// Where it is, for messages: a directory, brokers, "memory".
  [[nodiscard]] virtual std::string where() const = 0;

  /// Whether the log can be reached, as far as known. Any thread, often; never blocks.
  [[nodiscard]] virtual bool connected() const { return true; }
  /// Whether `committed` may know of a commit that readers and `bounds` don't show yet: soon they will.
  [[nodiscard]] virtual bool shows_commits_late() const { return false; }

  /// How many partitions a topic gets when nobody says.
  [[nodiscard]] virtual Partition default_partitions() const { return 1; }

  virtual Result<std::optional<TopicState>> topic(const std::string& name) = 0;
  /// Creates what is missing; a topic that exists as asked for is fine, one that differs is `failed_precondition` with both counts.
  virtual Status create(std::span<const TopicState> topics) = 0;
  virtual Status remove(std::span<const std::string> topics) = 0;
  virtual Result<Bounds> bounds(const TopicPartition& tp) = 0;
  /// Lets go of all records below `before`.
  virtual Status purge(const TopicPartition& tp, Offset before) = 0;
  /// Says that whoever reads this compacted partition starts at `from` or anew from the beginning: tombstones below may go.
  virtual void restored_from(const TopicPartition& tp, Offset from) = 0;

  /// Starts at `from`. `wake` is called, on any thread, when records came after a poll that found none.
  virtual Result<std::unique_ptr<Reader>> reader(const TopicPartition& tp, Offset from, std::function<void()> wake) = 0;
  /// `name` is its own: a producer of the same name takes its place, whose open transaction is dropped. `wake` is called, on any thread,
  /// when `prepared`, after it had nothing to say, has, and when a commit has ended. A log may give more than `guarantee` asks for.
  virtual Result<std::unique_ptr<Producer>> producer(const std::string& name, Guarantee guarantee, std::function<void()> wake) = 0;
  /// `feeder` is empty for inlets without positions. `unsupported` positions are `failed_precondition`.
  virtual Result<std::unique_ptr<Inlet>> inlet(const std::string& topic, const std::string& feeder) = 0;
  virtual Result<std::optional<std::int64_t>> feed_position(const std::string& feeder) = 0;

  virtual Result<std::unique_ptr<Member>> join(const std::string& group, std::vector<std::string> topics, GroupListener& listener) = 0;
  /// Who is in the group, and has what.
  virtual Result<GroupDescription> describe(const std::string& /*group*/) { return GroupDescription{}; }
  /// `unavailable` while a commit of one of them is under way, of a member that is gone perhaps.
  virtual Result<std::vector<std::optional<Committed>>> committed(const std::string& group, std::span<const TopicPartition> partitions) = 0;
  /// Forgets all that the group has committed.
  virtual Status forget(const std::string& group) = 0;
  /// Forgets all that the group has committed and removes the topics, both or nothing.
  virtual Status reset(const std::string& group, std::span<const std::string> topics) = 0;
};

}  // namespace klamm::inline v0::log
