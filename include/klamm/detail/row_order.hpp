#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

#include "klamm/record.hpp"
#include "klamm/time.hpp"

namespace klamm::inline v0::detail {

/// What follows the key in the rows of an ordered store, in Kafka Streams' layout, so that others can read its changelog:
///
///     window  := key  start:8  number:4      number: 0, or counts rows of equal key and time
///     session := key  end:8  start:8         (big endian)
///
/// In memory and in the file each row has its segment in front, `segment:8`, so that rows that expire together are neighbours.
enum class Tail : unsigned char {
  none,  ///< the store is not ordered
  window,
  session,
  key,  ///< nothing follows the key: rows in the order of their keys' bytes, found by what these begin with
};

constexpr std::size_t tail_bytes(Tail tail) { return tail == Tail::window ? 12 : tail == Tail::session ? 16 : 0; }

/// How a store's rows are ordered. Said before it is opened.
struct RowOrder {
  Tail tail = Tail::none;       ///< none: not at all
  bool by_time = false;         ///< also by (time, key), for `OrderedStore::next`
  std::int64_t segment_ms = 0;  ///< how much time one segment covers; 0: all rows are in one, and never expire
};

/// A row's time: (start, number) of a window, (end, start) of a session. In the order of the rows of a key.
struct RowTime {
  std::int64_t first = 0;
  std::int64_t second = 0;
  friend auto operator<=>(const RowTime&, const RowTime&) = default;
};

/// A place in the order of time: begins before the first row at or after `time`, and then is at one.
struct TimeCursor {
  RowTime time;
  Bytes key{};
  bool at_row = false;
};

}  // namespace klamm::inline v0::detail
