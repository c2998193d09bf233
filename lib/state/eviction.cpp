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

void StoreCore::set_budget(std::size_t bytes) {
  budget = bytes;
  if (budget == 0) return;
  filter = KeyFilter{budget / filter_part};
  file.dirty_bytes = std::min(file.dirty_bytes, std::max<std::size_t>(budget / dirty_part, 1));
}

std::size_t StoreCore::memory_bytes() const {
  std::size_t bytes = rows.bytes() + heap_bytes + filter.bytes();
  for (const UndoLog& log : undo) bytes += log.capacity() * (sizeof(Undo) + value_bytes);
  if (pending != nullptr) bytes += pending->bytes();
  if (order != nullptr) bytes += order->bytes();
  // The sort takes 16 bytes for each of a batch's records.
  if (checkpointer != nullptr) bytes += checkpointer->dirty_bytes() / 2 * 3 + 2 * std::min(TableFile::cache_bytes(file), budget / 32);
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
    if (commit_of(meta) > durable || touched(row)) continue;
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
