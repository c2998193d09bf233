#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "klamm/detail/row_order.hpp"
#include "klamm/detail/rows.hpp"

namespace klamm::inline v0::state {

using detail::RowOrder;
using detail::RowTime;
using detail::Tail;
using detail::TimeCursor;

/// The keys of all rows of an ordered store that are present, be they in memory or in the file: segment by segment, by (key, time), and by
/// (time, key) where that is wanted.
///
/// A tree node with a copy of the key for each row and order: about 80 bytes more than the key takes, which buys ranges that need neither
/// the file nor any care for evicted rows. Look-ups by the whole key do not come here. Owned by a store; used on its thread only.
class KeyOrder {
 public:
  using Segment = std::uint64_t;
  static constexpr std::size_t segment_bytes = 8;

  explicit KeyOrder(const RowOrder& order);

  /// Makes a row's key: segment, key, tail.
  void compose(BytesView key, RowTime time, Bytes& out) const;
  /// The same from a key of the changelog: false when it is too short to be one.
  bool compose(BytesView logged, Bytes& out) const;
  /// The key as the changelog has it.
  static BytesView logged(BytesView row_key) { return row_key.subspan(segment_bytes); }
  static Segment segment_of(BytesView row_key);
  /// The first segment that is not wholly before `time`.
  [[nodiscard]] Segment segment_at(Timestamp time) const;

  void insert(BytesView row_key);
  void erase(BytesView row_key);
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

  /// The times of a key's rows with from ≤ first ≤ to, in order.
  void times(BytesView key, std::int64_t from, std::int64_t to, std::vector<RowTime>& out);
  /// Calls `visit` with the keys that begin with `prefix`, in order, where they have no tails.
  void for_each_beginning(BytesView prefix, detail::FunctionRef<void(BytesView key)> visit) const;
  /// Goes to the next row in the order of (time, key); false when there is none.
  bool next(TimeCursor& cursor);

  /// Takes the oldest key of a segment before `end` out and gives it as a row's key; false when there is none.
  bool take_oldest(Segment end, Bytes& row_key);

 private:
  /// Keys with their tails, by (key, tail): a key that begins another one does not get between its rows.
  struct ByKey {
    using is_transparent = void;
    std::size_t tail;
    bool operator()(std::string_view a, std::string_view b) const {
      const int order = a.substr(0, a.size() - tail).compare(b.substr(0, b.size() - tail));
      return order != 0 ? order < 0 : a.substr(a.size() - tail) < b.substr(b.size() - tail);
    }
  };
  struct Keys {
    std::set<std::string, ByKey> by_key;
    std::set<std::string, std::less<>> by_time;  // tail, then key
  };

  [[nodiscard]] std::size_t tail_bytes() const { return detail::tail_bytes(order_.tail); }
  void put_tail(RowTime time, std::string& out) const;
  [[nodiscard]] RowTime tail_of(std::string_view tail) const;
  [[nodiscard]] Segment segment_of_time(std::int64_t time) const;
  /// The key with its tail in front, in the kept buffer.
  const std::string& turned(std::string_view entry);

  const RowOrder order_;
  std::map<Segment, Keys> segments_;
  std::string probe_;
  std::size_t size_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace klamm::inline v0::state
