#include "state/store_core.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include "ports/fault.hpp"

namespace klamm::inline v0::state {
namespace {

/// A key for a message: as text when it is some, else as hex digits.
std::string shown(BytesView key) {
  constexpr std::size_t most = 40;
  const BytesView head = key.first(std::min(key.size(), most));
  std::string result;
  if (std::all_of(head.begin(), head.end(), [](std::byte b) { return b >= std::byte{0x20} && b < std::byte{0x7f}; })) {
    result = '"' + std::string{reinterpret_cast<const char*>(head.data()), head.size()} + '"';
  } else {
    result = "0x";
    for (const std::byte b : head) {
      for (const unsigned digit : {std::to_integer<unsigned>(b) >> 4U, std::to_integer<unsigned>(b) & 15U})
        result += "0123456789abcdef"[digit];
    }
  }
  return key.size() > most ? result + "…" : result;
}

template <class F> const char* reason_of(F f) {
  try {
    return f();
  } catch (const std::bad_alloc&) {
    return "out of memory";
  } catch (...) {
    return "its serde threw an exception";
  }
}

}  // namespace

const char* StoreCore::encode(const std::byte* row, Bytes& out) const {
  return reason_of([&] { return owner.encode(row, out); });
}
const char* StoreCore::encode_old(unsigned log, std::uint32_t slot, Bytes& out) const {
  return reason_of([&] { return owner.encode_old(log, slot, out); });
}
Status StoreCore::decode(BytesView key, BytesView value, const char* what, std::byte* row) const {
  Code code = Code::data_loss;
  const char* reason = reason_of([&]() -> const char* {
    const Decoded decoded = owner.decode(value, row);
    if (decoded.code == Decoded::Code::unavailable) code = Code::unavailable;
    return decoded.ok() ? nullptr : decoded.reason;
  });
  return reason == nullptr ? Status{} : value_problem(code, key, what, reason);
}

Status StoreCore::upgrade(std::string_view schema, BytesView key, BytesView value, Bytes& out) const {
  Code code = Code::data_loss;
  const char* reason = reason_of([&]() -> const char* {
    const Decoded decoded = owner.upgrade(schema, value, out);
    if (decoded.code == Decoded::Code::unavailable) code = Code::unavailable;
    return decoded.ok() ? nullptr : decoded.reason;
  });
  return reason == nullptr ? Status{}
                           : value_problem(code, key, ("can't upgrade the value of type \"" + std::string{schema} + '"').c_str(), reason);
}

Status StoreCore::value_problem(Code code, BytesView key, const char* what, const char* reason) const {
  return {code, "store \"" + file.store + "\": " + what + " of key " + shown(key) + ": " + reason, file.store};
}

StoreCore::Version StoreCore::version(std::byte* row, detail::Contents contents) {
  const RowMeta& meta = rows.meta(row);
  Version version{meta.present(), meta.timestamp};
  if (contents == detail::Contents::current) return version;
  // The oldest entry has what was settled; an entry's mark leads to the one before.
  const RowHandle handle = rows.handle(row);
  const Undo* later = open_generation().entry(handle, meta);
  const Undo* earlier = later == nullptr ? in_flight().entry(handle, meta) : in_flight().entry(handle, later->mark);
  if (const Undo* old = earlier == nullptr ? later : earlier; old != nullptr) {
    version = {old->present != 0, old->timestamp, old, earlier == nullptr ? owner.open_log_ : owner.open_log_ ^ 1U};
  }
  return version;
}

const char* StoreCore::encode(const std::byte* row, const Version& version, Bytes& out) {
  return version.old == nullptr ? encode(row, out) : encode_old(version.log, undo[version.log].number(*version.old), out);
}

void StoreCore::destroy(RowHandle row) {
  if (counts_heap()) uncount_heap(row);
  commit_of(rows.meta(row)) = buried;
  rows.remove(row, [this](std::byte* at) { owner.destroy(at); });
}

Status StoreCore::open_reader() {
  if (reader != nullptr) return {};
  auto opened = TableFile::open(file, TableFile::Access::read);
  if (!opened.ok()) return opened.status();
  reader = *std::move(opened);
  return {};
}

Status StoreCore::begin_read() {
  if (Status status = open_reader(); !status.ok()) return status;
  const CommitNumber durable = checkpointer->durable();
  if (reading && read_durable == durable) return {};
  end_read();
  Result<CommitNumber> begun = reader->begin_read();
  if (!begun.ok()) return begun.status();
  reading = true, read_durable = durable;
  return {};
}

void StoreCore::end_read() {
  if (std::exchange(reading, false)) static_cast<void>(reader->end_read());
}

RowHandle StoreCore::load(std::uint32_t hash, BytesView key) {
  if (!failure.ok() || !may_be_in_file(hash)) return no_row;
  if (failure = begin_read(); !failure.ok()) return no_row;
  ++file_reads;
  Timestamp timestamp;
  const auto found = reader->get(key, scratch, timestamp);
  if (!found.ok()) failure = found.status();
  if (!found.ok() || !*found) return no_row;
  const RowHandle handle = create(hash, key);
  if (counts_heap()) uncount_heap(handle);
  auto status = decode(key, not_null(scratch), "can't decode the stored value", rows.at(handle));
  if (counts_heap()) count_heap(handle);
  if (!status.ok()) {
    (status.code() == Code::unavailable ? transient_failure : failure) = status;
    destroy(handle);
    return no_row;
  }
  RowMeta& meta = rows.meta(handle);
  meta.timestamp = timestamp;
  meta.set_present(true);
  return handle;
}

void StoreCore::serialise(RowHandle handle, const Undo& undo_entry) {
  std::byte* row = rows.at(handle);
  RowMeta& meta = rows.meta(row);
  if (commit_of(meta) == pending->number) return;  // touched again between two slices
  commit_of(meta) = pending->number;
  if (counts_heap()) count_heap(handle);
  const BytesView key = rows.key(row);
  if (order != nullptr) newest_segment = std::max(newest_segment, KeyOrder::segment_of(key));
  if (meta.present()) {
    const char* reason = pending->append(key, meta.timestamp, [&](Bytes& out) { return encode(row, out); });
    if (reason != nullptr && transient_failure.ok())
      transient_failure = value_problem(Code::failed_record, key, "can't encode the value", reason);
    return;
  }
  graves.push_back({handle, pending->number});
  if (undo_entry.present) pending->append_tombstone(key, meta.timestamp);  // else it came and went
}

void StoreCore::take_back(unsigned log) {
  UndoLog& entries = undo[log];
  for (std::size_t i = entries.size(); i-- > 0;) {
    if (i >= 12) __builtin_prefetch(rows.at(entries[i - 12].row), 1);
    const Undo& entry = entries[i];
    std::byte* row = rows.at(entry.row);
    const bool serialised = log != owner.open_log_ && commit_of(rows.meta(row)) == pending->number;
    if (counts_heap() && serialised) uncount_heap(entry.row);
    if (order != nullptr) reorder(row, entry.present != 0);
    if (entry.present) {
      owner.put_back(row, log, static_cast<std::uint32_t>(i));
    } else {
      owner.reset(row);
      graves.push_back({entry.row, commit_of(rows.meta(row))});
    }
    entries.put_back(entry, rows.meta(row));
    if (counts_heap()) count_heap(entry.row);
  }
  entries.clear();
}

void StoreCore::bury() {
  const CommitNumber durable = durable_number();
  for (; !graves.empty(); graves.pop_front()) {
    const auto [row, commit] = graves.front();
    // Until then a miss would find the row in the file.
    if ((!complete || budget != 0) && commit > durable) return;
    RowMeta& meta = rows.meta(row);
    if (!meta.present() && commit_of(meta) == commit && !touched(row)) destroy(row);
  }
}

void StoreCore::settle_pending() {
  pending->position = position;
  pending->mark = mark;
  pending->first_segment = first_segment();
  settled = pending->number;
  const BatchPtr batch = std::move(pending);
  checkpointer->settle({&batch, 1});
}

void StoreCore::begin_parts() {
  const auto batches = restored_batches();
  in_parts = true;
  settled = newest;
  ++newest;
  checkpointer->settle(batches);
}

void StoreCore::restore_to_file(const Change& change) {
  if (pending == nullptr) {
    pending = std::make_shared<CommitBatch>(expected_bytes);
    pending->number = pending->first = newest;
  }
  pending->append(change);
  if (pending->bytes() < file.dirty_bytes / 4) return;
  settle_pending();
  ++newest;
}

std::vector<BatchPtr> StoreCore::restored_batches() {
  std::vector<BatchPtr> batches;
  std::shared_ptr<CommitBatch> batch;
  rows.for_each([&](std::byte* row) {
    RowMeta& meta = rows.meta(row);
    if (commit_of(meta) != newest) return;
    if (batch == nullptr || batch->bytes() >= CommitBatch::most_bytes / 16) {
      batches.push_back(batch = std::make_shared<CommitBatch>());
      batch->number = batch->first = newest;
      batch->position = position;
      batch->mark = mark;
      batch->first_segment = first_segment();
    }
    if (!meta.present()) {
      batch->append_tombstone(rows.key(row), meta.timestamp);
      graves.push_back({rows.handle(row), newest});
      return;
    }
    const char* reason = batch->append(rows.key(row), meta.timestamp, [&](Bytes& out) { return encode(row, out); });
    if (reason != nullptr) failure = value_problem(Code::data_loss, rows.key(row), "can't encode the restored value", reason);
  });
  return batches;
}

}  // namespace klamm::inline v0::state
