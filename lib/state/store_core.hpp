#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "klamm/detail/store.hpp"
#include "state/checkpointer.hpp"
#include "state/commit_batch.hpp"
#include "state/key_filter.hpp"
#include "state/key_hash.hpp"
#include "state/key_order.hpp"
#include "state/row_table.hpp"
#include "state/table_file.hpp"
#include "state/undo_log.hpp"

namespace klamm::inline v0::state {

using detail::StoreBase;

/// The same bytes, told apart from a tombstone when there are none.
inline BytesView not_null(BytesView bytes) {
  static constexpr std::byte empty{};
  return bytes.empty() ? BytesView{&empty, 0} : bytes;
}

/// What a store is made of, but for the values. Owned by the StoreBase it serves; used on its thread.
struct StoreCore {
  StoreCore(StoreBase& store, std::size_t value_size, bool has_heap)
      : owner{store}, value_bytes{value_size}, values_have_heap{has_heap}, rows{value_size} {}

  StoreBase& owner;
  const std::size_t value_bytes;
  const bool values_have_heap;
  StoreFile file;
  RowTable rows;
  UndoLog undo[2];  // the open generation, and the one in flight

  /// Every row that is not in memory is nowhere: a miss is final.
  bool complete = true;
  /// Rows whose value in the file could not be read for now: an abort makes them missing again.
  std::vector<RowHandle> unread;

  // Of an ordered store (store_order.cpp); else null and 0. Segments below these go: as of the open generation, the one in flight, and
  // what is settled.
  std::unique_ptr<KeyOrder> order;
  Timestamp open_expiry, in_flight_expiry, settled_expiry;
  KeyOrder::Segment newest_segment = 0;
  Bytes composed;
  Bytes oldest;

  // The memory budget (eviction.cpp). 0: none, and then nothing of this is used.
  std::size_t budget = 0;
  KeyFilter filter;                // of all keys that were ever in memory and, once it covers the file, in there
  bool filter_covers_file = true;  // else `scanned` is being filled
  std::shared_ptr<KeyFilter> scanned;
  std::size_t most_dirty = 0;  // dirty bytes that start a checkpoint at the latest
  std::size_t piece_hand = 0;  // likewise, for the search for pieces to give back
  std::int64_t looked_ms = 0;  // when share_memory looked last, and what it saw then
  CommitNumber looked_settled = 0;
  std::size_t hand = 0;        // the place in the index where the search for rows to evict goes on
  std::size_t heap_bytes = 0;  // of the values of all rows that are not touched
  std::uint64_t evicted = 0;
  std::uint64_t held_back = 0;
  CommitNumber settled = 0;           // newest commit that the checkpointer has
  std::unique_ptr<TableFile> reader;  // opened when first needed
  bool reading = false;               // in a transaction, begun when `read_durable` was the newest commit in the file
  CommitNumber read_durable = 0;
  std::shared_ptr<Checkpointer> checkpointer;  // null: in memory only
  std::uint64_t file_reads = 0;

  CommitNumber newest = 0;               // numbers are not used again after an abort: a row's number says which drain wrote it
  std::shared_ptr<CommitBatch> pending;  // of the commit in flight
  std::size_t drained = 0;               // entries of the log in flight that are serialised
  std::size_t sunk = 0;                  // bytes of pending that the sink has seen
  std::size_t expected_bytes = 4096;
  bool committing = false;
  bool restoring = false;
  bool in_parts = false;  // the restore goes to the file while it runs
  bool followed = false;  // so do all to come

  /// Erased rows that may go once their tombstone is in the file.
  struct Grave {
    RowHandle row;
    CommitNumber commit;
  };
  std::deque<Grave> graves;

  std::int64_t position = 0;
  std::string mark;
  Status failure;            // what the store holds can't be trusted any more
  Status transient_failure;  // what is not settled can't be trusted; an abort takes it back
  std::int64_t checkpoint_due_ms = -1;
  Bytes scratch;
  Bytes upgraded;

  UndoLog& open_generation() { return undo[owner.open_log_]; }
  UndoLog& in_flight() { return undo[owner.open_log_ ^ 1U]; }
  [[nodiscard]] bool touched(RowHandle row) {
    return open_generation().entry(row, rows.meta(row)) || in_flight().entry(row, rows.meta(row));
  }

  RowHandle create(std::uint32_t hash, BytesView key) {
    if (order != nullptr) drop_expired(drops_per_row);
    if (budget != 0) {
      while (memory_bytes() > budget) {
        if (grow()) continue;
        make_room();
        break;
      }
      filter.add(hash);
    }
    const RowHandle row = rows.add(hash, key, [this](std::byte* at) { owner.construct(at); });
    if (counts_heap()) count_heap(row);
    return row;
  }
  void destroy(RowHandle row);

  /// The first segment that has not expired as of the last settled commit.
  [[nodiscard]] KeyOrder::Segment first_segment() const { return order == nullptr ? 0 : order->segment_at(settled_expiry); }
  [[nodiscard]] bool has_expired(BytesView row_key) const { return order != nullptr && KeyOrder::segment_of(row_key) < first_segment(); }
  /// Learns the keys that are in the file.
  Status order_file(TableFile& table);
  /// Frees up to `most` rows of expired segments.
  void drop_expired(std::size_t most);
  /// Brings the order in line with a row that is about to be put back.
  void reorder(std::byte* row, bool will_be_present);
  static constexpr std::size_t drops_per_row = 4, drops_per_commit = 1024;

  void set_budget();
  /// Takes a piece of the memory that is shared; false when there is none.
  bool grow();
  void set_limit(std::size_t bytes);
  /// Empties some pieces of memory; false when there was none that could go.
  bool release_pieces(std::size_t most);
  [[nodiscard]] bool can_go(RowHandle row, CommitNumber durable);
  [[nodiscard]] std::size_t memory_bytes() const;
  /// Evicts some rows that are in the file and were not found lately; a few steps for each new row keep the pause short.
  void make_room();
  /// False: a key that is not in memory is not in the file either.
  [[nodiscard]] bool may_be_in_file(std::uint32_t hash) {
    if (complete) return false;
    return filter.empty() || !covers_file() || filter.may_have(hash);
  }
  [[nodiscard]] bool covers_file();
  // A row's heap is counted while it is not touched: nobody changes it then.
  [[nodiscard]] bool counts_heap() const { return budget != 0 && values_have_heap; }
  void count_heap(RowHandle row) { heap_bytes += owner.heap_bytes(rows.at(row)); }
  void uncount_heap(RowHandle row) { heap_bytes -= owner.heap_bytes(rows.at(row)); }

  /// The row of a key that is not in memory, from the file; `no_row` when it is not there either.
  RowHandle load(std::uint32_t hash, BytesView key);
  Status open_reader();
  /// The same in a transaction that shows all rows that have left memory: it is begun anew behind each checkpoint.
  Status begin_read();
  /// Lets the file's log shrink.
  void end_read();

  /// Writes a row of the commit in flight into its batch, once.
  void serialise(RowHandle handle, const Undo& undo_entry);
  void take_back(unsigned log);
  /// Frees erased rows that nobody needs any more.
  void bury();
  CommitNumber durable_number() const { return checkpointer == nullptr ? newest : checkpointer->durable(); }
  /// Hands the pending batch to the checkpointer, as of the position and mark.
  void settle_pending();
  /// The restored rows as batches of one commit.
  std::vector<BatchPtr> restored_batches();
  /// Once a restore takes much of the budget it goes to the file in parts. Rows of a part may be newer than its position, which is the one
  /// before the restore: a replay from there ends the same.
  void restore_to_file(const Change& change);
  void begin_parts();

  /// A row as of some contents: itself, or the undo entry that has its value.
  struct Version {
    bool present = false;
    Timestamp timestamp;
    const Undo* old = nullptr;
    unsigned log = 0;  // whose entry it is
  };
  Version version(std::byte* row, detail::Contents contents);
  /// Appends the value of a version that is present; null, or why not.
  const char* encode(const std::byte* row, const Version& version, Bytes& out);

  // What the typed store does with values, exceptions caught: null, or why not.
  const char* encode(const std::byte* row, Bytes& out) const;
  const char* encode_old(unsigned log, std::uint32_t slot, Bytes& out) const;
  /// Ok, or a status that names `what` (the value's origin) and the key.
  Status decode(BytesView key, BytesView value, const char* what, std::byte* row) const;
  /// Appends the value as it is written now.
  Status upgrade(std::string_view schema, BytesView key, BytesView value, Bytes& out) const;
  Status value_problem(Code code, BytesView key, const char* what, const char* reason) const;

  /// CommitNumber of a row that is free.
  static constexpr CommitNumber buried = 0xffff'ffff;
  static CommitNumber& commit_of(RowMeta& meta) { return meta.commit_; }
  static void set_referenced(RowMeta& meta) {
    if (meta.referenced_ == 0) meta.referenced_ = 1;
  }
  /// Whether it was set; clears it.
  static bool take_reference(RowMeta& meta) {
    const bool was = meta.referenced_ != 0;
    meta.referenced_ = 0;
    return was;
  }
};

}  // namespace klamm::inline v0::state
