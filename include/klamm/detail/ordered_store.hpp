#pragma once

#include <vector>

#include "klamm/detail/store.hpp"

namespace klamm::inline v0::detail {

/// A store of values by (key, time), found by both, by ranges of time of one key, and by time over all keys. Old ones expire.
///
/// What is changed must be ended by `keep` or `erase`, so that the order knows of it.
template <class V> class OrderedStore final : public Store<V> {
 public:
  /// The row, uncommitted changes included; null when absent. Valid until the next call.
  const Row<V>* find(BytesView key, RowTime time) { return Store<V>::find(this->row_key(key, time)); }
  /// The row for change, as `Store::change`.
  Row<V>& change(BytesView key, RowTime time) { return Store<V>::change(this->row_key(key, time)); }
  /// Ends a change: the row is there.
  void keep(Row<V>& row) {
    if (row.present()) return;
    row.set_present(true);
    this->appear(this->bytes_of(row));
  }
  /// Ends a change: the row is not there any more, and must not be used after. A tombstone has its timestamp.
  void erase(Row<V>& row) {
    if (row.present()) this->vanish(this->bytes_of(row));
    Store<V>::erase(row);
  }

  /// The times of a key's rows with from ≤ first ≤ to, in order, in place of what `out` had.
  void times(BytesView key, std::int64_t from, std::int64_t to, std::vector<RowTime>& out) { this->times_of(key, from, to, out); }
  /// Goes to the next row in the order of (time, key), over all keys; false when there is none. Rows may come and go between two calls.
  /// Only where the order says `by_time`.
  bool next(TimeCursor& cursor) { return this->next_in_time(cursor); }
  /// The row's whole key, for `Store::find`; valid until the next call.
  BytesView whole_key(BytesView key, RowTime time) { return this->row_key(key, time); }
  /// Calls `visit(key)` for the keys that begin with `prefix`, in the order of their bytes; it may find rows, and change none. Only where
  /// nothing follows the key.
  template <class F> void for_each_beginning(BytesView prefix, F&& visit) { this->keys_beginning(prefix, visit); }
  /// Rows that are present.
  [[nodiscard]] std::size_t present() const { return this->present_rows(); }
};

template <class V> std::unique_ptr<StoreBase> new_ordered_store() { return std::unique_ptr<StoreBase>(new OrderedStore<V>); }

}  // namespace klamm::inline v0::detail
