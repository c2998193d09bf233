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
#include "klamm/errors.hpp"
#include "klamm/guarantee.hpp"
#include "klamm/log_choice.hpp"
#include "klamm/logging.hpp"
#include "klamm/producer.hpp"
#include "klamm/query.hpp"
#include "klamm/table.hpp"
#include "klamm/topology.hpp"
#include "klamm/window_query.hpp"

namespace klamm::inline v0 {

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
  /// Of topics that do not say their own count, when klamm creates them. 0: what the directory was made with, or 4; on Kafka 0 creates
  /// none of yours: those that are missing are an error of start.
  int partitions = 0;
  /// Where the stores are. If empty: of an embedded log `<log directory>/stores`, on Kafka `$XDG_STATE_HOME/klamm/<application id>`, or the
  /// same under `~/.local/state`. On Kafka each process has one of its own: start names the holder of one that is in use.
  std::string state_dir{};
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
  /// Copies of each table with other instances, on Kafka: there where the group will bring the table's partition when its owner dies, so
  /// that only what is new is replayed then. They take memory (of `memory_bytes`), disk, and the changelogs' traffic once more each.
  int standby_replicas = 0;
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
  std::int64_t restore_rate = 0;   ///< records a second, while it restores
  Duration restore_left{};         ///< at this rate, at most
  bool had_standby = false;        ///< its stores were here when it came
};

/// A copy of a table whose partition is another instance's.
struct StandbyStatus {
  std::string store;
  std::int32_t partition = 0;
  std::int64_t lag = 0;       ///< records behind its owner's last known commit; an upper bound
  std::int64_t restored = 0;  ///< records replayed
  std::size_t rows_in_memory = 0;
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
  std::vector<StandbyStatus> standbys;  ///< `AppOptions::standby_replicas`
  std::int64_t standby_hits = 0;        ///< stores that came here from others and had a standby here
  std::int64_t standby_misses = 0;      ///< those that had none, and were replayed whole
  std::int64_t processed = 0;
  std::int64_t skipped = 0;               ///< by the error policy
  std::int64_t dropped = 0;               ///< by operators' rules
  std::vector<OperatorStatus> operators;  ///< those that left out something
  std::int64_t held_back = 0;             ///< times that a worker waited because too much was not yet committed
  std::int64_t commits = 0;
  std::int64_t aborts = 0;
  [[nodiscard]] std::int64_t lag() const;
};

namespace detail {
struct Asking;
}

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
  /// Waits until it has stopped by itself or by `request_stop`, then as `stop`. A log that is away then is waited for ten seconds at most.
  Status wait();
  /// Flushes the producers and feeders, and waits until every record that is in the topics has passed all operations and is committed:
  /// true; false when that is not so at the deadline. On Kafka: whichever process of the application has done it. `cancelled` when the
  /// application stops before.
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
