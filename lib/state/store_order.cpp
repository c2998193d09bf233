#include <cassert>

#include "state/store_core.hpp"

// What an ordered store has beside the rows: see klamm/detail/ordered_store.hpp.

namespace klamm::inline v0::state {

Status StoreCore::order_file(TableFile& table) {
  return table.scan_keys([&](BytesView key) {
    if (key.size() < KeyOrder::segment_bytes) return true;
    newest_segment = std::max(newest_segment, KeyOrder::segment_of(key));
    if (!has_expired(key)) order->insert(key);
    return true;
  });
}

void StoreCore::drop_expired(std::size_t most) {
  const KeyOrder::Segment first = first_segment();
  for (; most > 0 && order->take_oldest(first, oldest); --most) {
    const RowHandle row = rows.find(hash_key(oldest), oldest);
    if (row != no_row && !touched(row)) destroy(row);
  }
}

void StoreCore::reorder(std::byte* row, bool will_be_present) {
  if (rows.meta(row).present() == will_be_present) return;
  if (will_be_present)
    order->insert(rows.key(row));
  else
    order->erase(rows.key(row));
}

}  // namespace klamm::inline v0::state

namespace klamm::inline v0::detail {

void StoreBase::order(const RowOrder& order) { core_->order = std::make_unique<state::KeyOrder>(order); }

void StoreBase::expire_before(Timestamp time) {
  if (time > core_->open_expiry) core_->open_expiry = time;
}
void StoreBase::expire_restored(Timestamp time) {
  state::StoreCore& core = *core_;
  assert(!core.committing && core.open_generation().size() == 0);
  if (core.order == nullptr || time <= core.settled_expiry) return;
  core.open_expiry = core.in_flight_expiry = core.settled_expiry = time;
  core.drop_expired(state::StoreCore::drops_per_commit);
}
Timestamp StoreBase::expired_before() const { return core_->committing ? core_->in_flight_expiry : core_->open_expiry; }
std::uint64_t StoreBase::segment_at(Timestamp time) const { return core_->order == nullptr ? 0 : core_->order->segment_at(time); }
std::uint64_t StoreBase::newest_segment() const { return core_->newest_segment; }

BytesView StoreBase::row_key(BytesView key, RowTime time) {
  core_->order->compose(key, time, core_->composed);
  return core_->composed;
}
void StoreBase::appear(std::byte* row) { core_->order->insert(core_->rows.key(row)); }
void StoreBase::vanish(std::byte* row) { core_->order->erase(core_->rows.key(row)); }
std::size_t StoreBase::present_rows() const { return core_->order->size(); }
void StoreBase::times_of(BytesView key, std::int64_t from, std::int64_t to, std::vector<RowTime>& out) {
  core_->order->times(key, from, to, out);
}
void StoreBase::keys_beginning(BytesView prefix, FunctionRef<void(BytesView)> visit) { core_->order->for_each_beginning(prefix, visit); }
bool StoreBase::next_in_time(TimeCursor& cursor) { return core_->order->next(cursor); }

}  // namespace klamm::inline v0::detail
