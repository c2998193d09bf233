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
#include "klamm/detail/outside.hpp"
#include "klamm/errors.hpp"
#include "klamm/klamm.hpp"

namespace klamm::inline v0 {

/// Event time of a record in a test: so long after the epoch.
struct At {
  std::optional<Timestamp> timestamp;
};
inline At at(Duration since_epoch) { return {Timestamp{since_epoch.milliseconds()}}; }
inline At at(Timestamp timestamp) { return {timestamp}; }

/// What happens to the stores' files in a simulated crash.
enum class Disk : bool { kept, lost };

struct TestDriverOptions {
  ErrorPolicy on_error = fail();  ///< unless one of the next three says otherwise
  std::optional<ErrorPolicy> on_decode_error{}, on_process_error{}, on_produce_error{};
  int partitions = 1;            ///< of topics that do not say their own count
  Timestamp start{};             ///< of the wall clock, and of records that are sent without a time
  bool commit_each_send = true;  ///< otherwise outputs wait for `commit()`
  std::uint64_t seed = 1;        ///< of everything random
};

/// Sums over the whole topology since the driver was made.
struct Counters {
  std::int64_t processed = 0;  ///< records that entered a sub-topology
  std::int64_t skipped = 0;    ///< by the error policy
  std::int64_t dropped = 0;    ///< by an operator's rules: null keys, null values, late, negative timestamps
  std::int64_t commits = 0;
  std::int64_t aborts = 0;
};

namespace detail {

/// A record that the application wrote, as bytes.
struct RawOutput {
  std::optional<std::string> key;
  std::optional<std::string> value;
  Timestamp timestamp;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::string headers;
};
struct RawRow {
  std::string key;
  std::string value;
  Timestamp timestamp;
};

/// The driver without the types.
class KLAMM_API DriverCore {
 public:
  DriverCore(const Topology& topology, const TestDriverOptions& options);
  ~DriverCore();
  DriverCore(const DriverCore&) = delete;
  DriverCore& operator=(const DriverCore&) = delete;

  [[nodiscard]] const Status& status() const;
  Status send(const std::string& topic, BytesView key, BytesView value, std::optional<Timestamp> timestamp, BytesView headers,
              std::optional<std::int32_t> partition);
  /// Committed records from the reader's position on; `cursor` is the reader's own.
  std::vector<RawOutput> read(const std::string& topic, std::vector<std::int64_t>& cursor);
  std::vector<RawRow> rows(const std::string& table);
  Status commit();
  Status advance(Duration d);
  Status restart(Disk disk);
  Status feed(const std::string& topic, std::span<const RawMessage> batch);
  [[nodiscard]] Counters counters() const;
  [[nodiscard]] Timestamp now() const;
  /// Of a topic; 0 when there is none.
  [[nodiscard]] int partitions(const std::string& topic);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

inline BytesView view_of(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data() != nullptr ? text.data() : ""), text.size()};
}

}  // namespace detail

/// A record read from an output. An empty optional is null.
template <class K, class V> struct TestRecord {
  std::optional<detail::plain_t<K>> key;
  std::optional<detail::plain_t<V>> value;
  Timestamp timestamp;
  std::int32_t partition = 0;
};

/// What a test expects of an output: key and value, and the timestamp where it is given.
template <class K, class V> struct ExpectedRecord {
  std::optional<detail::plain_t<K>> key;
  std::optional<detail::plain_t<V>> value;
  At at{};

  ExpectedRecord(std::optional<detail::plain_t<K>> k, std::optional<detail::plain_t<V>> v, At t = {})
      : key{std::move(k)}, value{std::move(v)}, at{t} {}

  friend bool operator==(const TestRecord<K, V>& got, const ExpectedRecord& expected) {
    return got.value == expected.value && (std::is_same_v<K, NoKey> || got.key == expected.key) &&
           (!expected.at.timestamp || *expected.at.timestamp == got.timestamp);
  }
};

/// Puts records of one topic into a driver. Each send returns when the record has passed the whole topology.
template <class K, class V> class TestInput {
 public:
  TestInput(detail::DriverCore& core, const Topic<K, V>& topic) : core_{&core}, topic_{topic} {}

  Status send(const K& key, const V& value, At at = {}) requires(!std::is_same_v<K, NoKey>) { return put(&key, &value, at); }
  /// With a null key.
  Status send(const V& value, At at = {}) { return put(nullptr, &value, at); }
  /// A null value.
  Status send_tombstone(const K& key, At at = {}) { return put(&key, nullptr, at); }
  /// Any bytes as the value, with a null key; nullopt is a null value.
  Status send_raw(std::optional<std::string_view> value, At at = {}) { return send_raw(std::nullopt, value, at); }
  Status send_raw(std::optional<std::string_view> key, std::optional<std::string_view> value, At at = {}, BytesView headers = {},
                  std::optional<std::int32_t> partition = {}) {
    const auto bytes = [](const std::optional<std::string_view>& text) { return text ? detail::view_of(*text) : BytesView{}; };
    return core_->send(topic_.name(), bytes(key), bytes(value), at.timestamp, headers, partition);
  }

 private:
  Status put(const K* key, const V* value, const At& at) {
    Bytes k, v;
    BytesView key_bytes, value_bytes;
    if (key != nullptr) {
      if (Status status = detail::encode_outside(topic_.name(), topic_.info().key_codec, *key, k, key_bytes); !status.ok()) return status;
    }
    if (value != nullptr) {
      if (Status status = detail::encode_outside(topic_.name(), topic_.info().value_codec, *value, v, value_bytes); !status.ok())
        return status;
    }
    std::optional<std::int32_t> partition;
    if (Status status = detail::partition_outside(topic_.info(), key, value, core_->partitions(topic_.name()), partition); !status.ok())
      return status;
    return core_->send(topic_.name(), key_bytes, value_bytes, at.timestamp, {}, partition);
  }

  detail::DriverCore* core_;
  Topic<K, V> topic_;
};

/// Reads what the application wrote to one topic: partition by partition, each in order.
template <class K, class V> class TestOutput {
 public:
  using Records = std::vector<TestRecord<K, V>>;

  TestOutput(detail::DriverCore& core, const Topic<K, V>& topic) : core_{&core}, topic_{topic} {}

  /// What came since the last read.
  Records read() {
    Records records;
    for (const detail::RawOutput& raw : core_->read(topic_.name(), cursor_)) {
      records.push_back({detail::decode_outside<K>(topic_.info().key_codec, raw.key),
                         detail::decode_outside<V>(topic_.info().value_codec, raw.value), raw.timestamp, raw.partition});
    }
    return records;
  }
  /// The same as bytes.
  std::vector<detail::RawOutput> read_raw() { return core_->read(topic_.name(), cursor_); }
  /// For comparison with `read()`: `CHECK(out.read() == out.records({{7, 10.0}, {8, 1.0, klamm::at(3s)}}))`.
  std::vector<ExpectedRecord<K, V>> records(std::vector<ExpectedRecord<K, V>> expected) { return expected; }

 private:
  detail::DriverCore* core_;
  Topic<K, V> topic_;
  std::vector<std::int64_t> cursor_;
};

template <class K, class V> bool operator==(const std::vector<TestRecord<K, V>>& got, const std::vector<ExpectedRecord<K, V>>& expected) {
  if (got.size() != expected.size()) return false;
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (!(got[i] == expected[i])) return false;
  }
  return true;
}

/// Looks into a table of the driver, over all partitions.
template <class K, class V> class TestTable {
 public:
  TestTable(detail::DriverCore& core, std::string name) : core_{&core}, name_{std::move(name)} {}

  std::optional<V> get(const K& key) {
    for (KeyValue<K, V>& row : all()) {
      if (row.key == key) return std::move(row.value);
    }
    return std::nullopt;
  }
  /// All rows: partition by partition, in the order of their serialised keys.
  std::vector<KeyValue<K, V>> all() {
    std::vector<KeyValue<K, V>> rows;
    for (const detail::RawRow& raw : core_->rows(name_)) {
      KeyValue<K, V> row{};
      if (detail::decode(detail::view_of(raw.key), row.key).ok() && detail::decode(detail::view_of(raw.value), row.value).ok())
        rows.push_back(std::move(row));
    }
    return rows;
  }

 private:
  detail::DriverCore* core_;
  std::string name_;
};

/// Looks into a windowed table of the driver, over all partitions.
template <class K, class V> class TestWindows {
 public:
  TestWindows(detail::DriverCore& core, std::string name, const detail::WindowShape& shape)
      : core_{&core}, name_{std::move(name)}, shape_{shape} {}

  /// The value of the key's window that begins then.
  std::optional<V> get(const K& key, Timestamp start) {
    for (KeyValue<Windowed<K>, V>& row : all()) {
      if (row.key.key == key && row.key.window.start == start) return std::move(row.value);
    }
    return std::nullopt;
  }
  /// The windows of a key, in the order of their time.
  std::vector<KeyValue<Window, V>> of(const K& key) {
    std::vector<KeyValue<Window, V>> rows;
    for (KeyValue<Windowed<K>, V>& row : all()) {
      if (row.key.key == key) rows.push_back({row.key.window, std::move(row.value)});
    }
    return rows;
  }
  /// All rows that have not expired: partition by partition, in the order of time by and by, and of keys.
  std::vector<KeyValue<Windowed<K>, V>> all() {
    std::vector<KeyValue<Windowed<K>, V>> rows;
    for (const detail::RawRow& raw : core_->rows(name_)) {
      KeyValue<Windowed<K>, V> row{};
      BytesView key;
      if (detail::split_row_key(detail::view_of(raw.key), shape_, key, row.key.window) && detail::decode(key, row.key.key).ok() &&
          detail::decode(detail::view_of(raw.value), row.value).ok())
        rows.push_back(std::move(row));
    }
    return rows;
  }

 private:
  detail::DriverCore* core_;
  std::string name_;
  detail::WindowShape shape_;
};

/// Runs a topology in a test: one thread, a clock that stands still until it is told to move, a log in memory, no files, no broker.
/// The same runtime as in production, so commits, repartition topics and restores are the real ones.
///
///     klamm::TestDriver t{topology};
///     auto in = t.input(lines);
///     auto out = t.output(counts);
///     CHECK(in.send("a b a").ok());
///     CHECK(out.read() == out.records({{"a", 1}, {"b", 1}, {"a", 2}}));
class TestDriver {
 public:
  explicit TestDriver(const Topology& topology, const TestDriverOptions& options = {}) : core_{topology, options} {}

  /// Why the topology could not be run, or what has stopped it.
  [[nodiscard]] const Status& status() const { return core_.status(); }

  template <class K, class V> TestInput<K, V> input(const Topic<K, V>& topic) { return {core_, topic}; }
  template <class K, class V> TestOutput<K, V> output(const Topic<K, V>& topic) { return {core_, topic}; }
  /// A table by what it keeps: `t.table<std::string>(per_user).get("ann")`.
  template <class K, class A, class F, class U, class M> TestTable<K, A> table(const TableSpec<A, F, U, M>& spec) {
    return {core_, spec.name()};
  }
  template <class K, class V> TestTable<K, V> table(const StoreHandle<K, V>& store) { return {core_, store.name()}; }
  /// A windowed table by its handle, as windowed_by has given it (a filter, map or suppress of one keeps no windows):
  /// `t.windows(per_hour).get("ann", start)`.
  template <class K, class V> TestWindows<K, V> windows(const WindowedTable<K, V>& table) {
    return {core_, detail::store_name(*table.place_.graph, table.place_.node), table.shape_};
  }
  /// A table by the name of its store.
  template <class K, class V> TestTable<K, V> table(std::string name) { return {core_, std::move(name)}; }

  /// Ends the open transaction: outputs become visible, offsets move.
  Status commit() { return core_.commit(); }
  /// What that makes of wall-clock timers is done when it returns; how it went is in `status()`.
  void advance_wall_clock(Duration d) { static_cast<void>(core_.advance(d)); }
  /// Crashes and starts again: what was not committed is done again from the log; with the disk lost, tables come back from their
  /// changelogs. How it went is in `status()`, and in what the next send returns.
  void restart(Disk disk) { static_cast<void>(core_.restart(disk)); }
  /// Runs a batch of partition 0 through the topology as the runtime does, past the log: for benchmarks.
  template <class K, class V> Status feed(const Topic<K, V>& topic, std::span<const RawMessage> batch) {
    return core_.feed(topic.name(), batch);
  }
  [[nodiscard]] Counters counters() const { return core_.counters(); }
  [[nodiscard]] Timestamp now() const { return core_.now(); }

 private:
  detail::DriverCore core_;
};

}  // namespace klamm::inline v0
