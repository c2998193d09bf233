#include <algorithm>

#include "state/store_core.hpp"

namespace klamm::inline v0::state {
namespace {

// Of the budget: what the filter of all keys takes, and how many dirty bytes start a checkpoint. The rows of those can't be evicted either,
// and while they are written as many may be dirty again.
constexpr std::size_t filter_part = 20, dirty_part = 8;
// Beyond the budget by this part, with nothing to evict, the owner waits for a checkpoint.
constexpr std::size_t spare_part = 16;

constexpr std::size_t most_steps = 64, most_evictions = 4, ahead = 16;

}  // namespace

void StoreCore::set_budget() {
  if (file.memory_bytes == 0) return;
  filter = KeyFilter{file.memory_bytes / filter_part};
  most_dirty = file.dirty_bytes;
  set_limit(file.shared == nullptr ? file.memory_bytes : file.shared->least());
}

void StoreCore::set_limit(std::size_t bytes) {
  budget = bytes;
  file.dirty_bytes = std::min(most_dirty, std::max<std::size_t>(budget / dirty_part, 1));
  if (checkpointer != nullptr) checkpointer->set_dirty_limit(file.dirty_bytes);
}

bool StoreCore::grow() {
  const std::size_t taken = file.shared == nullptr ? 0 : file.shared->take();
  if (taken != 0) set_limit(budget + taken);
  return taken != 0;
}

bool StoreCore::can_go(RowHandle row, CommitNumber durable) { return commit_of(rows.meta(row)) <= durable && !touched(row); }

bool StoreCore::release_pieces(std::size_t most) {
  bury();
  if (checkpointer == nullptr || !graves.empty() || !unread.empty()) return false;  // those know rows by their place
  const CommitNumber durable = checkpointer->durable();
  RowArena& arena = rows.arena();
  std::vector<std::size_t> empty;
  std::size_t bytes = 0;
  const auto each_row = [&](std::size_t piece, auto visit) {
    const auto [begin, end] = arena.rows_of(piece);
    for (RowHandle row = begin; row < end; row += static_cast<RowHandle>(rows.bytes_of(row) / 8)) {
      if (!visit(row)) return false;
    }
    return begin != end;
  };
  for (std::size_t tries = std::min(4 * most, arena.pieces()); tries-- > 0 && empty.size() < most;) {
    if (++piece_hand >= arena.pieces()) piece_hand = 0;
    const std::size_t piece = piece_hand;
    if (!each_row(piece, [&](RowHandle row) { return commit_of(rows.meta(row)) == buried || can_go(row, durable); })) continue;
    each_row(piece, [&](RowHandle row) {
      if (commit_of(rows.meta(row)) == buried) return true;
      if (rows.meta(row).present()) complete = false;
      if (counts_heap()) uncount_heap(row);
      bytes += rows.remove_with_piece(row, [this](std::byte* at) { owner.destroy(at); });
      ++evicted;
      return true;
    });
    empty.push_back(piece);
  }
  arena.release(empty, bytes);
  return !empty.empty();
}

std::size_t StoreCore::memory_bytes() const {
  std::size_t bytes = rows.bytes() + heap_bytes + filter.bytes();
  for (const UndoLog& log : undo) bytes += log.capacity() * (sizeof(Undo) + value_bytes);
  if (pending != nullptr) bytes += pending->bytes();
  if (order != nullptr) bytes += order->bytes();
  // The sort takes 16 bytes for each of a batch's records.
  if (checkpointer != nullptr)
    bytes += checkpointer->dirty_bytes() / 2 * 3 + 2 * std::min(TableFile::cache_bytes(file), file.memory_bytes / 32);
  return bytes;
}

bool StoreCore::covers_file() {
  if (!filter_covers_file && checkpointer->scanned()) {
    filter.merge(*scanned);
    scanned.reset();
    filter_covers_file = true;
  }
  return filter_covers_file;
}

void StoreCore::make_room() {
  const CommitNumber durable = checkpointer->durable();
  std::size_t freed = 0, passed_by = 0;
  for (std::size_t steps = 0; freed < most_evictions && steps < most_steps; ++steps) {
    const RowIndex& index = rows.index();
    if (++hand >= index.capacity()) hand = 0;
    if (hand + ahead < index.capacity()) {
      if (const RowHandle next = index.row_in_turn(hand + ahead); next != no_row) __builtin_prefetch(rows.at(next));
    }
    const RowHandle row = index.row_in_turn(hand);
    if (row == no_row) continue;
    RowMeta& meta = rows.meta(row);
    if (!can_go(row, durable)) continue;
    if (take_reference(meta)) {
      ++passed_by;
      continue;
    }
    if (meta.present()) complete = false;
    destroy(row);
    ++freed, ++evicted;
  }
  if (freed != 0 || passed_by != 0 || memory_bytes() <= budget + budget / spare_part) return;
  // Waiting helps only against rows that are settled and not in the file, and while it can be written.
  if (durable >= settled || !checkpointer->status().ok()) return;
  ++held_back;
  checkpointer->advance();
}

}  // namespace klamm::inline v0::state

namespace klamm::inline v0::detail {

bool StoreBase::share_memory(std::int64_t now_ms) {
  constexpr std::int64_t look_ms = 100;
  constexpr std::size_t pieces_at_once = 2;
  state::StoreCore& core = *core_;
  if (core.file.shared == nullptr || core.restoring || core.checkpointer == nullptr) return false;
  MemoryBudget& shared = *core.file.shared;
  const bool rested = now_ms - core.looked_ms >= look_ms;
  const bool idle = core.looked_settled == core.settled;
  if (rested) core.looked_ms = now_ms, core.looked_settled = core.settled;
  if (!shared.hungry()) return false;
  const std::size_t least = idle ? shared.least() : shared.equal_share();
  // Held, not used: what was evicted is still this store's until its piece goes.
  const std::size_t needed = core.memory_bytes() - core.rows.bytes() + core.rows.held_bytes();
  if (const std::size_t keep = std::max(least, needed + needed / 16); keep < core.budget) {
    const std::size_t given = core.budget - keep;
    core.set_limit(keep);
    shared.give(given);
    return false;
  }
  if (core.budget <= least) return false;
  if (core.release_pieces(pieces_at_once)) return true;
  if (rested && core.checkpointer->durable() < core.settled) core.checkpointer->request();
  return false;
}

}  // namespace klamm::inline v0::detail
