#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "klamm/api.hpp"
#include "klamm/detail/row_order.hpp"
#include "klamm/serde.hpp"
#include "klamm/time.hpp"

namespace klamm::inline v0 {

/// A span of event time. The end belongs to sliding and session windows, and not to tumbling and hopping ones.
struct Window {
  Timestamp start;
  Timestamp end;
  friend auto operator<=>(const Window&, const Window&) = default;
};

/// The key of a windowed table: a key and one of its windows.
///
/// Its serde writes `key  end:8  start:8` (big endian), as Kafka Streams' SessionWindowedSerde: it says the whole window. For topics that
/// are shared with readers and writers of Kafka Streams' TimeWindowedSerde, which leaves the size to its reader, give the topic a
/// `TimeWindowedKeys`.
template <class K> struct Windowed {
  K key{};
  Window window{};
  friend bool operator==(const Windowed&, const Windowed&) = default;
};

namespace detail {

KLAMM_API void append_window(Bytes& out, Timestamp first, Timestamp second);
KLAMM_API void append_start(Bytes& out, Timestamp start);
/// Takes two times off the end: false if there are fewer bytes.
KLAMM_API bool take_window(BytesView& in, Timestamp& first, Timestamp& second);
KLAMM_API bool take_start(BytesView& in, Timestamp& start);

/// Windows of a fixed size that begin at multiples of `advance`.
struct TimeWindows {
  static constexpr bool sessions = false;
  static constexpr Tail tail = Tail::window;
  std::int64_t size, advance, grace = 0;

  /// A window is closed when stream time reaches its end and this much more.
  [[nodiscard]] std::int64_t hold() const { return grace; }
  [[nodiscard]] std::int64_t length() const { return size; }
  [[nodiscard]] std::int64_t least_retention() const { return size + grace; }
  [[nodiscard]] std::int64_t row_retention() const { return size + grace; }
};
/// Windows that end or begin where a record is.
struct SlidingWindows {
  static constexpr bool sessions = false;
  static constexpr Tail tail = Tail::window;
  std::int64_t difference, grace = 0;

  [[nodiscard]] std::int64_t hold() const { return grace + 1; }
  [[nodiscard]] std::int64_t length() const { return difference; }
  [[nodiscard]] std::int64_t least_retention() const { return 2 * difference + grace; }
  /// A late record still looks at the windows of those before it.
  [[nodiscard]] std::int64_t row_retention() const { return 3 * difference + grace + 2; }
};
/// Windows that records prolong which come within the gap.
struct SessionWindows {
  static constexpr bool sessions = true;
  static constexpr Tail tail = Tail::session;
  std::int64_t gap, grace = 0;

  [[nodiscard]] std::int64_t hold() const { return grace + gap + 1; }
  [[nodiscard]] std::int64_t length() const { return 0; }
  [[nodiscard]] std::int64_t least_retention() const { return gap + grace; }
  [[nodiscard]] std::int64_t row_retention() const { return gap + grace + 1; }
};

/// What is wrong with them, or nothing.
KLAMM_API std::string problem_of(const TimeWindows& windows);
KLAMM_API std::string problem_of(const SlidingWindows& windows);
KLAMM_API std::string problem_of(const SessionWindows& windows);
/// What is part of a store's format: other windows can't go on with its rows.
KLAMM_API std::string schema_of(const TimeWindows& windows);
KLAMM_API std::string schema_of(const SlidingWindows& windows);
KLAMM_API std::string schema_of(const SessionWindows& windows);

/// How much time a segment of rows covers that are kept for so long.
constexpr std::int64_t segment_of(std::int64_t retention) { return retention < 8 ? 1 : retention / 8; }
/// The format of a windowed table's keys.
KLAMM_API std::string window_schema(const std::string& key, const std::string& windows, const RowOrder& order);

/// What a row's key says depends on.
struct WindowShape {
  std::int64_t hold = 0;    ///< a window is closed when stream time reaches its end and this much more
  std::int64_t length = 0;  ///< of windows that are not sessions
  bool sessions = false;
  std::int64_t segment = 1;  ///< how much time one segment of rows covers
  std::string schema{};      ///< of the table's keys
};
/// Takes a row's key, as the changelog has it, apart: false if it is too short.
KLAMM_API bool split_row_key(BytesView logged, const WindowShape& shape, BytesView& key, Window& window);

/// Windows that do not say yet how long they wait for late records.
template <class W> class Ungraced {
 public:
  constexpr explicit Ungraced(W windows) : windows_{windows} {}

  /// Late records are taken for so long, in stream time, after a window's end; `windowed_by` takes it then.
  [[nodiscard]] constexpr W grace(Duration time) const {
    W windows{windows_};
    windows.grace = time.milliseconds();
    return windows;
  }
  /// A window is closed when stream time reaches its end.
  [[nodiscard]] constexpr W no_grace() const { return windows_; }

 private:
  W windows_;
};

template <class W> constexpr bool windows_v = requires(const W& w) { w.least_retention(); };
template <class W> constexpr bool ungraced_v = false;
template <class W> constexpr bool ungraced_v<Ungraced<W>> = true;

}  // namespace detail

/// Windows side by side: [0, size), [size, 2 size), …
///
///     clicks.group_by_key().windowed_by(klamm::tumbling(1min).grace(10s)).count("clicks-per-minute")
constexpr detail::Ungraced<detail::TimeWindows> tumbling(Duration size) {
  return detail::Ungraced<detail::TimeWindows>{{size.milliseconds(), size.milliseconds()}};
}
/// Windows that overlap: one begins at each multiple of `advance`.
///
///     klamm::hopping(1h, 5min).no_grace()
constexpr detail::Ungraced<detail::TimeWindows> hopping(Duration size, Duration advance) {
  return detail::Ungraced<detail::TimeWindows>{{size.milliseconds(), advance.milliseconds()}};
}
/// A window for each set of records that are at most `difference` apart: one ends at each record, one begins right behind it. Both ends
/// belong to it.
///
///     klamm::sliding(10min).grace(1min)
constexpr detail::Ungraced<detail::SlidingWindows> sliding(Duration difference) {
  return detail::Ungraced<detail::SlidingWindows>{{difference.milliseconds()}};
}
/// Windows of activity: a record within `gap` of a session prolongs it, and may join two. Both ends belong to it.
///
///     klamm::session(30min).grace(5min)
constexpr detail::Ungraced<detail::SessionWindows> session(Duration gap) {
  return detail::Ungraced<detail::SessionWindows>{{gap.milliseconds()}};
}

template <class K> inline constexpr bool borrowed_v<Windowed<K>> = borrowed_v<K>;

template <class K>
requires(detail::has_serde_v<K>) struct serde<Windowed<K>> {
  static constexpr bool canonical = detail::canonical<K>();
  static std::string schema() {
    const std::string key = detail::schema_of<K>();
    return key.empty() ? std::string{} : "windowed<" + key + '>';
  }
  static Encoded encode(const Windowed<K>& value, Bytes& out) {
    if (const Encoded result = detail::encode(value.key, out); !result.ok()) return result;
    detail::append_window(out, value.window.end, value.window.start);
    return {};
  }
  static Decoded decode(BytesView in, Windowed<K>& slot) {
    if (!detail::take_window(in, slot.window.end, slot.window.start)) return malformed("windowed key without its window");
    return detail::decode(in, slot.key);
  }
};

/// Writes the keys of time windows as `key  start:8` (big endian), as Kafka Streams' TimeWindowedSerde does:
///
///     klamm::Topic<klamm::Windowed<std::string>, std::int64_t>{"counts"}.serde(klamm::TimeWindowedKeys<std::string>{1min}, values)
///
/// A reader gets the end from the size; for sliding windows that is the difference.
template <class K> class TimeWindowedKeys {
 public:
  explicit TimeWindowedKeys(Duration size) : size_{size} {}

  Encoded encode(const Windowed<K>& value, Bytes& out) const {
    if (const Encoded result = detail::encode(value.key, out); !result.ok()) return result;
    detail::append_start(out, value.window.start);
    return {};
  }
  Decoded decode(BytesView in, Windowed<K>& slot) const {
    if (!detail::take_start(in, slot.window.start)) return malformed("windowed key without its start");
    slot.window.end = slot.window.start + size_;
    return detail::decode(in, slot.key);
  }

 private:
  Duration size_;
};

}  // namespace klamm::inline v0
