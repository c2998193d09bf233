#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "klamm/api.hpp"
#include "klamm/callback.hpp"
#include "klamm/detail/outside.hpp"
#include "klamm/errors.hpp"
#include "klamm/guarantee.hpp"
#include "klamm/logging.hpp"
#include "klamm/query.hpp"
#include "klamm/table.hpp"
#include "klamm/topology.hpp"
#include "klamm/window_query.hpp"

namespace klamm::inline v0 {

/// How long an embedded log keeps the records of topics that are not compacted. Changelogs keep the last record of each key in any case.
enum class Retention : bool {
  keep,             ///< for ever: the directory grows with what comes in
  until_committed,  ///< source topics are let go once this application has committed them; sinks stay
};

/// Which log an application runs on. Made by `embedded` or `in_memory`; there is no default.
class LogChoice {
 public:
  enum class Kind : unsigned char { none, embedded, in_memory };

  LogChoice() = default;
  LogChoice(Kind kind, std::string directory, Retention retention) : kind_{kind}, directory_{std::move(directory)}, retention_{retention} {}
  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] Retention retention() const { return retention_; }

 private:
  Kind kind_ = Kind::none;
  std::string directory_;
  Retention retention_ = Retention::keep;
};

/// A log in files under `directory`, which is created if missing and belongs to one application and one process at a time.
/// What flush() or a commit has confirmed survives a crash and a power cut.
inline LogChoice embedded(std::string directory, Retention retention = Retention::keep) {
  return {LogChoice::Kind::embedded, std::move(directory), retention};
}
/// A log in memory, gone with the process. Writes no file.
inline LogChoice in_memory(Retention retention = Retention::until_committed) { return {LogChoice::Kind::in_memory, {}, retention}; }

/// Where an application is in its life.
class KLAMM_API State {
 public:
  /// `disconnected`: the log can't be reached. What runs waits for it, and goes on when it is back.
  enum Value : unsigned char { created, starting, restoring, running, disconnected, stopping, stopped, failed };
  constexpr State(Value value) : value_{value} {}
  constexpr operator Value() const { return value_; }
  /// Whether it will not change any more.
  [[nodiscard]] constexpr bool final() const { return value_ == stopped || value_ == failed; }
  [[nodiscard]] const char* name() const;

 private:
  Value value_;
};

struct AppOptions {
  LogChoice log{};
  std::string application_id{};  ///< the topology's name if empty; prefixes internal topics, names the group
  int threads = 1;               ///< workers; never more than tasks
  /// Of topics that do not say their own count, when klamm creates them. 0: what the directory was made with, or 4.
  int partitions = 0;
  std::string state_dir{};        ///< where the stores are; `<log directory>/stores` if empty
  ErrorPolicy on_error = fail();  ///< of all records that can't go on, unless one of the next three says otherwise
  std::optional<ErrorPolicy> on_decode_error{}, on_process_error{}, on_produce_error{};
  /// At least what is asked for: embedded logs give `exactly_once` in any case, where it costs nothing.
  Guarantee guarantee = Guarantee::exactly_once;
  std::optional<Duration> commit_interval{};              ///< if empty, 100 ms under exactly once and 1 s under at least once
  std::size_t max_pending_bytes = std::size_t{64} << 20;  ///< a worker waits while so much is not yet committed
  Duration checkpoint_interval{30'000};
  Duration watchdog{10'000};  ///< the log names a worker that does not come back from a function of the topology for so long; 0: never
  std::size_t checkpoint_bytes = std::size_t{64} << 20;  ///< changed bytes of one store that start a checkpoint earlier
  /// Memory of all tables together: rows, index, what is not yet in the files, the files' caches. Beyond it rows leave memory that are in
  /// the files; busy tables get more of it than idle ones. What one commit changes always stays. 0: no limit; if not said 1 GiB, and no
  /// limit on a log in memory, which has no files.
  std::optional<std::size_t> memory_bytes{};
  /// Gets the log's lines, from any thread; the default writes to stderr. Must not throw.
  LogSink log_sink{};
  Callback<void(int worker)> on_thread_start{};  ///< called first on each worker's thread
};

/// One task: a sub-topology at one partition.
struct TaskStatus {
  std::string sub_topology;
  std::int32_t partition = 0;
  int worker = 0;
  std::int64_t lag = 0;  ///< records not yet committed, over all inputs
  bool restoring = false;
  std::int64_t restored = 0;       ///< records of the changelogs replayed
  std::int64_t restore_total = 0;  ///< an upper bound: compaction leaves gaps
};

/// What an operator left out, over all partitions.
struct OperatorStatus {
  std::string name;
  std::int64_t skipped = 0;  ///< by the error policy, dead letters included
  std::int64_t dropped = 0;  ///< by the operator's own rules: null keys, null values, late records, …
  std::int64_t late = 0;     ///< of the dropped: for each window that a record came too late for, one
  /// The greatest time by which a window had ended, in stream time, when a record came too late for it: a longer grace would have taken it.
  Duration greatest_lateness{};
};

/// A table or another store at one partition. A few hundredths of a second old.
struct StoreStatus {
  std::string store;
  std::int32_t partition = 0;
  std::size_t rows_in_memory = 0;
  std::size_t memory_bytes = 0;
  std::size_t memory_limit = 0;  ///< its part of `AppOptions::memory_bytes` for now; 0: none
  std::size_t dirty_bytes = 0;   ///< committed, and not in the file yet
  std::uint64_t checkpoints = 0;
  std::uint64_t evicted = 0;     ///< rows that left memory
  std::uint64_t file_reads = 0;  ///< rows that were asked of the file
  std::uint64_t held_back = 0;   ///< times that the worker waited for a checkpoint that could not keep up
};

struct KLAMM_API AppStatus {
  State state = State::created;
  Status status;  ///< why it failed
  std::vector<TaskStatus> tasks;
  std::vector<StoreStatus> stores;
  std::int64_t processed = 0;
  std::int64_t skipped = 0;               ///< by the error policy
  std::int64_t dropped = 0;               ///< by operators' rules
  std::vector<OperatorStatus> operators;  ///< those that left out something
  std::int64_t held_back = 0;             ///< times that a worker waited because too much was not yet committed
  std::int64_t commits = 0;
  std::int64_t aborts = 0;
  [[nodiscard]] std::int64_t lag() const;
};

struct SendOptions {
  std::optional<Timestamp> timestamp{};     ///< now if empty
  std::optional<std::int32_t> partition{};  ///< if empty: by the topic's partition_by, else by the key's hash, as Kafka's own clients
};

/// How `Producer::try_send` ended.
enum class Send : unsigned char {
  sent,
  full,    ///< too much is waiting: try again later
  failed,  ///< the application has stopped, or the value can't be encoded: `send` says why
};

namespace detail {

/// A producer or feeder without the types. Thread-safe; copies are the same producer.
class KLAMM_API RawProducer {
 public:
  struct Impl;
  explicit RawProducer(std::shared_ptr<Impl> impl) : impl_{std::move(impl)} {}
  Status send(BytesView key, BytesView value, const SendOptions& options, std::optional<std::int64_t> position) const;
  Send try_send(BytesView key, BytesView value, const SendOptions& options) const;
  Status flush() const;
  /// Of the topic; 0 when there is none.
  [[nodiscard]] int partitions() const;
  [[nodiscard]] Result<std::int64_t> position() const;
  Status status() const;

 private:
  std::shared_ptr<Impl> impl_;
};

struct Asking;

}  // namespace detail

/// Puts records into a topic from outside the topology. Any thread; copies are the same producer.
template <class K, class V> class Producer {
 public:
  Producer(detail::RawProducer raw, const Topic<K, V>& topic) : raw_{std::move(raw)}, topic_{topic} {}

  /// Copies the record; waits while too much is waiting to be written. `invalid_argument` when key or value can't be encoded.
  Status send(const K& key, const V& value, const SendOptions& options = {}) const {
    Bytes k, v;
    BytesView key_bytes, value_bytes;
    SendOptions chosen = options;
    if (Status status = encode(key, value, k, v, key_bytes, value_bytes, chosen); !status.ok()) return status;
    return raw_.send(key_bytes, value_bytes, chosen, std::nullopt);
  }
  /// Never blocks.
  [[nodiscard]] Send try_send(const K& key, const V& value, const SendOptions& options = {}) const {
    Bytes k, v;
    BytesView key_bytes, value_bytes;
    SendOptions chosen = options;
    if (!encode(key, value, k, v, key_bytes, value_bytes, chosen).ok()) return Send::failed;
    return raw_.try_send(key_bytes, value_bytes, chosen);
  }
  /// Returns when all that was sent before is in the log for good.
  Status flush() const { return raw_.flush(); }
  /// Why it can't send, if it can't.
  Status status() const { return raw_.status(); }

 private:
  Status encode(const K& key, const V& value, Bytes& k, Bytes& v, BytesView& key_bytes, BytesView& value_bytes, SendOptions& chosen) const {
    if (Status status = detail::partition_outside(topic_.info(), &key, &value, raw_.partitions(), chosen.partition); !status.ok())
      return status;
    if (Status status = detail::encode_outside(topic_.name(), topic_.info().key_codec, key, k, key_bytes); !status.ok()) return status;
    return detail::encode_outside(topic_.name(), topic_.info().value_codec, value, v, value_bytes);
  }

  detail::RawProducer raw_;
  Topic<K, V> topic_;
};

/// Puts records into a topic together with a position in what they were read from (a file's byte offset, say): both become durable in one
/// commit, so a feeder that starts again at `position()` neither loses nor repeats. Embedded log only. One thread.
template <class K, class V> class Feeder {
 public:
  Feeder(detail::RawProducer raw, const Topic<K, V>& topic) : raw_{std::move(raw)}, topic_{topic} {}

  /// The last committed position; 0 before the first.
  [[nodiscard]] Result<std::int64_t> position() const { return raw_.position(); }
  /// `position`: where to go on behind this record.
  Status send(const K& key, const V& value, std::int64_t position, const SendOptions& options = {}) {
    BytesView key_bytes, value_bytes;
    SendOptions chosen = options;
    if (Status status = detail::partition_outside(topic_.info(), &key, &value, raw_.partitions(), chosen.partition); !status.ok())
      return status;
    if (Status status = detail::encode_outside(topic_.name(), topic_.info().key_codec, key, key_, key_bytes); !status.ok()) return status;
    if (Status status = detail::encode_outside(topic_.name(), topic_.info().value_codec, value, value_, value_bytes); !status.ok())
      return status;
    return raw_.send(key_bytes, value_bytes, chosen, position);
  }
  /// Returns when all that was sent before is in the log for good, with its positions.
  Status flush() const { return raw_.flush(); }
  /// Why it can't send, if it can't.
  Status status() const { return raw_.status(); }

 private:
  detail::RawProducer raw_;
  Topic<K, V> topic_;
  Bytes key_, value_;
};

/// Runs a topology. The topology must outlive it. Installs no signal handlers, never calls exit, throws nothing; what functions given to it
/// throw is caught. Stopping or waiting from its own threads (operators, listeners) asks it to stop and is `failed_precondition`: nobody
/// can wait for himself.
class KLAMM_API App {
 public:
  App(const Topology& topology, AppOptions options);
  /// Stops with a deadline of ten seconds, and waits for a function of the topology that takes longer.
  ~App();
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  /// Checks the topology, opens the log and the stores, starts the threads, and returns. All problems are reported together. A log that
  /// can't be reached is no problem: it is waited for, `disconnected`.
  Status start();
  /// Asks it to stop. Async-signal-safe; legal in operators and listeners.
  void request_stop();
  /// Stops: finishes the records at work, commits, joins the threads. Past the deadline what is not committed is left for the next start,
  /// nothing is lost; `unavailable` when a function of the topology has not even returned then.
  Status stop(Duration deadline);
  /// Waits until it has stopped by itself or by `request_stop`, then as `stop`.
  Status wait();
  /// Flushes the producers and feeders, and waits until every record that is in the topics has passed all operations and is committed:
  /// true; false when that is not so at the deadline. `cancelled` when the application stops before.
  Result<bool> drain(Duration deadline);

  /// Is called at each change of state, in `start` and on klamm's threads; set before start.
  void on_state(Callback<void(State)> listener);
  [[nodiscard]] AppStatus status() const;

  /// After start.
  template <class K, class V> Producer<K, V> producer(const Topic<K, V>& topic) {
    return Producer<K, V>{raw_producer(topic.name(), {}), topic};
  }
  /// `name`: whose position it keeps. After start.
  template <class K, class V> Feeder<K, V> feeder(const Topic<K, V>& topic, const std::string& name) {
    return Feeder<K, V>{raw_producer(topic.name(), name), topic};
  }
  /// Reads a table from outside the topology: `query.hpp` says how. Before start and after the end its answers are `unavailable`.
  template <class A, class F, class U, class M> Query<A> query(const TableSpec<A, F, U, M>& table, const QueryOptions& options = {}) {
    return {*this, table.name(), options};
  }
  /// A windowed table by its handle, as windowed_by has given it (a filter, map or suppress of one keeps no windows).
  template <class K, class V> WindowQuery<K, V> query(const WindowedTable<K, V>& table, const QueryOptions& options = {}) {
    return {*this, detail::store_name(*table.place_.graph, table.place_.node), table.shape_, options};
  }
  /// A table by the name of its store, and the type of its values.
  template <class V> auto query(std::string store, const QueryOptions& options = {}) {
    static_assert(detail::has_serde_v<V>, "klamm: app.query<Value>(store): the value's type needs klamm::serde<Value>");
    if constexpr (detail::has_serde_v<V>)
      return Query<V>{*this, std::move(store), options};
    else
      return detail::Inert{};
  }

 private:
  friend struct detail::Asking;
  detail::RawProducer raw_producer(const std::string& topic, const std::string& feeder);

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace klamm::inline v0
