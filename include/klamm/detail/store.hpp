#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "klamm/api.hpp"
#include "klamm/detail/heap_bytes.hpp"
#include "klamm/detail/memory_budget.hpp"
#include "klamm/detail/row_order.hpp"
#include "klamm/detail/rows.hpp"
#include "klamm/detail/store_reader.hpp"
#include "klamm/serde.hpp"
#include "klamm/status.hpp"

namespace klamm::inline v0::ports {
class Executor;
}

namespace klamm::inline v0::detail {

/// Which store at which partition, and what its file must agree with.
struct StoreFile {
  std::string path;  ///< empty: in memory only
  std::string store;
  std::string application;
  std::int32_t partition = 0;
  std::string lineage;                              ///< id of the changelog
  std::string key_schema, value_schema;             ///< "string", "int64", …; empty: unknown, agrees with everything
  std::int64_t changelog_begin = 0;                 ///< offsets of the changelog's oldest record
  std::int64_t changelog_end = 0;                   ///< and behind its newest committed one
  std::size_t dirty_bytes = std::size_t{64} << 20;  ///< settled bytes that start a checkpoint
  Duration checkpoint_interval{30'000};             ///< longest time between two, for `maybe_checkpoint`
  /// Memory of a store with a file: beyond it rows that are in the file leave memory, and the owner is held back while a checkpoint
  /// can't keep up. Rows, index, key filter, dirty batches, their sort and the file's caches count; of what values keep on the heap, what
  /// `HeapBytes` says. What one commit changes always stays, and `dirty_bytes` is at most an eighth of it. 0: unlimited.
  std::size_t memory_bytes = 0;
  Timestamp expired_before{};  ///< of an ordered store: segments that end before it are not restored
  /// Where it has its memory from, if it shares with others: then `memory_bytes` is an equal share, and only what is of fixed size (key
  /// filter, the file's caches) is made for that.
  std::shared_ptr<MemoryBudget> shared{};
};

/// What was found at the path.
struct Opened {
  enum class How : unsigned char {
    fresh,    ///< nothing was there
    resumed,  ///< rows as of `position()`
    rebuilt,  ///< something was there that could not be used: all must be restored
  };
  How how = How::fresh;
  std::string reason;  ///< for the log: what was found, expected and done
};

/// Whose contents to look at.
enum class Contents : unsigned char {
  current,    ///< uncommitted changes included
  committed,  ///< as of the last settled commit
};

struct StoreFigures {
  std::size_t rows = 0;           ///< in memory
  std::size_t row_bytes = 0;      ///< of rows and index
  std::size_t memory_bytes = 0;   ///< what `StoreFile::memory_bytes` is compared with
  std::size_t memory_limit = 0;   ///< the same for now, where memory is shared; 0: none
  std::size_t heap_bytes = 0;     ///< of it, what values keep on the heap; counted where there is a budget
  std::size_t dirty_bytes = 0;    ///< settled, and not in the file yet
  std::uint64_t checkpoints = 0;  ///< written since the store was opened
  std::uint64_t folds = 0;        ///< times that hot rows were folded in memory instead
  std::uint64_t file_reads = 0;
  std::uint64_t evicted = 0;    ///< rows that left memory and are in the file
  std::uint64_t held_back = 0;  ///< times the owner waited for a checkpoint that could not keep up
};

/// A key-value store without its value type: rows in memory, changed in place; an undo log per generation; one SQLite file.
///
///     change ──▶ row in place + undo entry at its first touch per commit
///     begin_commit, drain ──▶ each touched row serialised once ──▶ changelog, and the batch of this commit
///     settle ──▶ the commit succeeded: the batch joins the committed generation, which a checkpoint writes to the file
///     abort  ──▶ undo entries newest first, of the commit in flight too
///
/// Between `begin_commit` and `settle` the owner goes on: its changes make the next generation. Owned by a task and used on its
/// worker's thread; only the checkpoint runs elsewhere. Never opened, it is a store in memory.
class KLAMM_API StoreBase {
 public:
  StoreBase(const StoreBase&) = delete;
  StoreBase& operator=(const StoreBase&) = delete;
  /// What is settled and not in the file is lost, as in a crash: the changelog has it. `close` writes it.
  virtual ~StoreBase();

  /// Opens the file, or begins anew where there is none that fits; `executor` runs the checkpoints and must outlive the store.
  /// Directories are made. An error when the file can't be read or written, or was written with other types.
  Result<Opened> open(const StoreFile& file, ports::Executor& executor);
  /// Makes it an ordered store (`OrderedStore`), with segments that expire; before `open`. Its rows' keys are known by the layout; to
  /// changelog and visitors go keys without the segment.
  void order(const RowOrder& order);
  /// Writes what is settled to the file and closes it; what is not settled is dropped. Nothing may be called after it but the destructor.
  Status close();

  /// Where the replay of the changelog starts: as of the last `settle`, or the file's after `open`.
  [[nodiscard]] std::int64_t position() const;
  /// Where the replay would start after a crash now, a power cut included: the offset the file is as of. Without a file yet, where the
  /// replay would start anew; in memory only, `position()`. Never goes back while the store is open. Any thread, once it is open, unless
  /// the store is in memory only.
  [[nodiscard]] std::int64_t durable_position() const;
  /// The mark that was settled last, or is in the file.
  [[nodiscard]] const std::string& mark() const;
  /// Why the contents can't be trusted: a value that could not be encoded or, for now, decoded (an `abort` takes that
  /// back), one that can't be decoded at all, an unreadable file.
  /// To be asked between `drain` and the commit: unless ok, nothing may be committed.
  Status content_status() const;
  /// The same, or why the last checkpoint failed. Ok again when one succeeds.
  Status status() const;

  /// Begins a commit: what was changed so far is in flight. One at a time. O(1).
  void begin_commit();
  /// Serialises up to `limit` rows in flight, each once, and hands them on. True when all is done, or when
  /// `content_status()` says why it can't be.
  /// Between two calls the owner may go on: rows in flight that it touches are serialised first.
  bool drain(std::size_t limit, RowVisitor sink);
  /// The drained commit is in the log and the changelog ends at `changelog_end`. A failed checkpoint is told here, with the
  /// commit settled and all rows kept in memory; it is tried again.
  Status settle(std::int64_t changelog_end, std::string mark = {});
  /// Takes back all that is not settled.
  void abort();

  /// Rows of segments that end before `time` are not wanted any more: once this commit is settled they go, from memory little by little and
  /// from the file at the next checkpoint, without tombstones. `time` never goes back. They must not be touched again.
  void expire_before(Timestamp time);
  /// What the commit in flight says of that, for its mark; with none in flight, the open generation.
  [[nodiscard]] Timestamp expired_before() const;
  /// The segment of a time, and the newest that was serialised since the store was opened.
  [[nodiscard]] std::uint64_t segment_at(Timestamp time) const;
  [[nodiscard]] std::uint64_t newest_segment() const;

  /// Applies a record of the changelog; a null value is a tombstone. Only after `open`, before all changes. `unavailable`: the same again
  /// later.
  Status restore(BytesView key, BytesView value, Timestamp timestamp);
  /// The same for a value of an older schema.
  Status restore_older(std::string_view schema, BytesView key, BytesView value, Timestamp timestamp);
  /// Whether values of older schemas can be read: `open` and `restore_older` do so then.
  [[nodiscard]] virtual bool upgrades() const = 0;
  /// The restored rows are those as of `changelog_end`.
  Status end_restore(std::int64_t changelog_end, std::string mark = {});

  /// The changelog is followed from here: more is restored, again and again, each time up to a later end. Goes to the file as it comes.
  void follow();
  /// Segments that end before `time` have gone, as those who went on meanwhile have it: nothing of them is restored, and what is there
  /// goes. Not during a commit.
  void expire_restored(Timestamp time);

  /// Copies the serialised value of `key` into `value` (what was there goes; its capacity stays) and tells its timestamp; false when there
  /// is none. Brings no row into memory.
  Result<bool> get(Contents contents, BytesView key, Bytes& value, Timestamp& timestamp);
  /// Calls `visit` for all rows whose keys begin with `prefix`, memory and file merged, in the order of the keys' bytes. It must not use
  /// the store.
  Status for_each(Contents contents, RowVisitor visit, BytesView prefix = {});

  /// For threads that are not the owner's; null for a store in memory only, whose owner makes a `copy` for them.
  [[nodiscard]] std::shared_ptr<StoreReader> reader() const;
  /// The rows of the ranges as of the last settled commit, copied.
  Result<std::unique_ptr<StoreSnapshot>> copy(std::span<const KeyRange> ranges);

  /// Starts a checkpoint when the last one is long ago; `now_ms` never goes back. Cheap: may be called per batch.
  void maybe_checkpoint(std::int64_t now_ms);
  /// Gives memory back that others want more, a little at each call: rows that are in the file, in pieces of memory in which nothing was
  /// changed lately. Between two batches, as `maybe_checkpoint`. True: there is more to give back, call again soon.
  bool share_memory(std::int64_t now_ms);
  /// Starts a checkpoint of all that is settled now, without waiting.
  void checkpoint();
  /// The same, and waits.
  Status flush();

  /// Says that `key` is wanted soon (some eight records ahead; `hint_far`: some sixteen): overlaps its misses with other work.
  void hint(BytesView key) const;
  void hint_far(BytesView key) const;
  /// Rows in memory, erased ones that are not in the file yet included.
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] StoreFigures figures() const;

 protected:
  static constexpr std::uint32_t no_slot = 0xffff'ffff;
  struct Touched {
    std::byte* row;
    std::uint32_t slot;  ///< where the old value belongs in the open generation's log; `no_slot`: nothing to keep
  };

  enum class Heap : bool { none, counted };
  /// `value_bytes`: sizeof the value, which starts each row. `heap`: whether values may have some.
  StoreBase(std::size_t value_bytes, Heap heap);
  /// The row of `key`, or null when there is none or it is not present.
  std::byte* find_row(BytesView key);
  /// The row of `key`, made if need be, with an entry in the undo log.
  Touched touch_row(BytesView key);
  /// The log (0 or 1) of the open generation.
  [[nodiscard]] unsigned open_log() const { return open_log_; }
  void destroy_rows();

  // Of an ordered store.
  /// The whole key of a row; valid until the next call.
  BytesView row_key(BytesView key, RowTime time);
  void appear(std::byte* row);
  void vanish(std::byte* row);
  [[nodiscard]] std::size_t present_rows() const;
  void times_of(BytesView key, std::int64_t from, std::int64_t to, std::vector<RowTime>& out);
  bool next_in_time(TimeCursor& cursor);
  void keys_beginning(BytesView prefix, FunctionRef<void(BytesView key)> visit);

 private:
  friend struct klamm::state::StoreCore;

  virtual void construct(std::byte* row) = 0;
  virtual void destroy(std::byte* row) = 0;
  /// Makes the value V{} again.
  virtual void reset(std::byte* row) = 0;
  [[nodiscard]] virtual std::size_t heap_bytes(const std::byte* row) const = 0;
  /// Null, or why not.
  virtual const char* encode(const std::byte* row, Bytes& out) const = 0;
  virtual const char* encode_old(unsigned log, std::uint32_t slot, Bytes& out) const = 0;
  virtual Decoded decode(BytesView bytes, std::byte* row) = 0;
  /// Appends the value of an older schema as it is written now.
  virtual Decoded upgrade(std::string_view schema, BytesView bytes, Bytes& out) const = 0;
  virtual void put_back(std::byte* row, unsigned log, std::uint32_t slot) = 0;

  std::unique_ptr<state::StoreCore> core_;
  unsigned open_log_ = 0;
};

/// A store of values of type V by serialised keys.
template <class V> class Store : public StoreBase {
 public:
  static_assert(alignof(V) <= 8, "klamm: Store<V>: values with an alignment above 8 bytes can't be stored");

  Store() : StoreBase{sizeof(RowValue<V>), HeapBytes<V>::any ? Heap::counted : Heap::none} {}
  ~Store() override { destroy_rows(); }

  /// The row of `key`, uncommitted changes included; null when absent. Valid until the next call.
  const Row<V>* find(BytesView key) {
    std::byte* row = find_row(key);
    return row == nullptr ? nullptr : &at(row);
  }

  /// The row of `key` for change: its old value is kept for an abort first. When it is not present, `value` is V{}; the caller sets value
  /// and timestamp, and `set_present(true)`. Valid until the next call.
  Row<V>& change(BytesView key) {
    const Touched touched = touch_row(key);
    Row<V>& row = at(touched.row);
    if (touched.slot != no_slot) keep_old(row.value, touched.slot);
    return row;
  }

  [[nodiscard]] bool upgrades() const override { return upgrades_v<V>; }

  /// Erases a row that `change` returned; it must not be used after. A tombstone has the row's timestamp.
  void erase(Row<V>& row) {
    row.set_present(false);
    row.value = V{};
  }

 protected:
  static std::byte* bytes_of(Row<V>& row) { return reinterpret_cast<std::byte*>(&row); }

 private:
  static Row<V>& at(std::byte* row) { return *std::launder(reinterpret_cast<Row<V>*>(row)); }
  static const Row<V>& at(const std::byte* row) { return *std::launder(reinterpret_cast<const Row<V>*>(row)); }

  // Entries are assigned over, never destroyed: a value with a heap of its own is copied into the capacity of an old one.
  // Without memory for it the process ends: the row could not be taken back.
  void keep_old(const V& value, std::uint32_t slot) noexcept {
    auto& old = old_[open_log()];
    if (slot >= old.size()) old.resize(slot < 32 ? 64 : std::size_t{slot} * 2);
    old[slot].value = value;
  }

  void construct(std::byte* row) override { ::new (static_cast<void*>(row)) Row<V>; }
  void destroy(std::byte* row) override { at(row).~Row<V>(); }
  void reset(std::byte* row) override { at(row).value = V{}; }
  std::size_t heap_bytes(const std::byte* row) const override { return detail::heap_bytes(at(row).value); }
  const char* encode(const std::byte* row, Bytes& out) const override { return detail::encode(at(row).value, out).reason; }
  const char* encode_old(unsigned log, std::uint32_t slot, Bytes& out) const override {
    return detail::encode(old_[log][slot].value, out).reason;
  }
  Decoded decode(BytesView bytes, std::byte* row) override { return detail::decode(bytes, at(row).value); }
  Decoded upgrade(std::string_view schema, BytesView bytes, Bytes& out) const override {
    if constexpr (upgrades_v<V>) {
      V value{};
      const Decoded decoded = serde<V>::upgrade(schema, bytes, value);
      if (!decoded.ok()) return decoded;
      const Encoded encoded = detail::encode(value, out);
      return encoded.ok() ? decoded : malformed(encoded.reason);
    } else {
      return static_cast<void>(schema), static_cast<void>(bytes), static_cast<void>(out), malformed("its serde has no upgrade");
    }
  }
  void put_back(std::byte* row, unsigned log, std::uint32_t slot) override {
    using std::swap;
    swap(at(row).value, old_[log][slot].value);
  }

  std::vector<RowValue<V>> old_[2];
};

}  // namespace klamm::inline v0::detail
