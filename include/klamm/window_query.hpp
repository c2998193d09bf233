#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "klamm/detail/row_order.hpp"
#include "klamm/query.hpp"
#include "klamm/window.hpp"

namespace klamm::inline v0 {

namespace detail {

/// The row's key as the changelog has it: `key` with its window behind it.
KLAMM_API void append_row_time(Bytes& key, const WindowShape& shape, const Window& window);
/// Ranges of rows, segment in front, in which all windows of `key` are that begin (sessions: end) between the two times.
KLAMM_API std::vector<KeyRange> window_ranges(BytesView key, const WindowShape& shape, Timestamp from, Timestamp to);
/// The key behind the segment.
KLAMM_API BytesView behind_segment(BytesView row_key);

}  // namespace detail

/// Reads a windowed table of a running application, as `Query` does another one. Made by `App::query(table)`.
template <class K, class V> class WindowQuery {
 public:
  WindowQuery(App& app, std::string store, const detail::WindowShape& shape, const QueryOptions& options)
      : app_{&app}, query_{std::move(store), detail::schema_of<V>(), options}, shape_{shape} {}

  /// The value of one window of a key; nullopt when there is none, or it has expired. Of time and sliding windows only the start counts.
  ///
  ///     auto clicks = app.query(per_hour).get("ads", {hour, hour + 1h});
  [[nodiscard]] Result<std::optional<V>> get(const K& key, const Window& window) const {
    Result<Bytes> bytes = detail::encoded_key(query_.store, key);
    if (!bytes.ok()) return bytes.status();
    detail::append_row_time(*bytes, shape_, window);
    return detail::query_value<V>(*app_, query_, shape_.schema, *bytes);
  }

  /// The windows of a key that begin (sessions: end) at or after `from` and not after `to`, in the order of their time. Read on the
  /// caller's thread.
  [[nodiscard]] Result<std::vector<KeyValue<Window, V>>> of(const K& key, Timestamp from, Timestamp to) const {
    const Result<Bytes> bytes = detail::encoded_key(query_.store, key);
    if (!bytes.ok()) return bytes.status();
    std::vector<KeyValue<Window, V>> rows;
    Status status = scan(detail::window_ranges(*bytes, shape_, from, to), [&](BytesView found, const Window& window, V& value) {
      const Timestamp time = shape_.sessions ? window.end : window.start;
      if (time < from || time > to || !std::equal(found.begin(), found.end(), bytes->begin(), bytes->end())) return Decoded{};
      rows.push_back({window, std::move(value)});
      return Decoded{};
    });
    if (!status.ok()) return status;
    return rows;
  }

  /// All windows of all keys that have not expired, in no order that means something. Read on the caller's thread.
  [[nodiscard]] Result<std::vector<KeyValue<Windowed<K>, V>>> all() const {
    std::vector<KeyValue<Windowed<K>, V>> rows;
    Status status = scan({{}}, [&](BytesView found, const Window& window, V& value) {
      KeyValue<Windowed<K>, V> row{{{}, window}, std::move(value)};
      const Decoded key = detail::decode(found, row.key.key);
      if (key.ok()) rows.push_back(std::move(row));
      return key;
    });
    if (!status.ok()) return status;
    return rows;
  }

 private:
  template <class Take> Status scan(std::vector<detail::KeyRange> ranges, Take take) const {
    Result<std::unique_ptr<detail::RowScan>> rows = detail::query_rows(*app_, query_, shape_.schema, std::move(ranges));
    if (!rows.ok()) return rows.status();
    V value{};
    while ((*rows)->next()) {
      Status decoded = detail::decode_guarded(query_.store, [&]() -> Decoded {
        BytesView key;
        Window window;
        if (!detail::split_row_key(detail::behind_segment((*rows)->key()), shape_, key, window))
          return malformed("windowed key without its window");
        if (const Decoded result = detail::decode((*rows)->value(), value); !result.ok()) return result;
        return take(key, window, value);
      });
      if (!decoded.ok()) return decoded;
    }
    return (*rows)->status();
  }

  App* app_;
  detail::StoreQuery query_;
  detail::WindowShape shape_;
};

}  // namespace klamm::inline v0
