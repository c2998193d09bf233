#include <algorithm>
#include <vector>

#include "state/store_core.hpp"

namespace klamm::detail {
namespace {

struct Entry {
  BytesView key;
  std::byte* row;
};

}  // namespace

Status StoreBase::for_each(Contents contents, RowVisitor visit) {
  state::StoreCore& core = *core_;
  if (!core.failure.ok()) return core.failure;
  std::vector<Entry> entries;
  entries.reserve(core.rows.size());
  core.rows.for_each([&](std::byte* row) { entries.push_back({core.rows.key(row), row}); });
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return state::key_less(a.key, b.key); });

  Status status;
  Bytes value;
  // The row as of the contents that are asked for: itself, or the oldest undo entry's.
  const auto show = [&](const Entry& entry) {
    RowMeta& meta = core.rows.meta(entry.row);
    const RowHandle handle = core.rows.handle(entry.row);
    bool present = meta.present();
    Timestamp timestamp = meta.timestamp;
    value.clear();
    const char* reason = nullptr;
    const state::Undo* oldest = nullptr;
    unsigned log = open_log_;
    if (contents == Contents::committed) {
      oldest = core.open_generation().entry(handle, meta);
      const auto* older = oldest != nullptr ? core.in_flight().entry(handle, oldest->mark) : core.in_flight().entry(handle, meta);
      if (older != nullptr) oldest = older, log ^= 1U;
    }
    if (oldest != nullptr) present = oldest->present, timestamp = oldest->timestamp;
    if (!present) return;
    reason = oldest != nullptr ? core.encode_old(log, core.undo[log].number(*oldest), value) : core.encode(entry.row, value);
    if (reason != nullptr) {
      status = core.value_problem(Code::failed_record, entry.key, "can't encode the value", reason);
      return;
    }
    visit(entry.key, state::not_null(value), timestamp);
  };

  auto next = entries.begin();
  if (!core.complete) {
    if (auto opened = core.open_reader(); !opened.ok()) return opened;
    const auto scanned = core.reader->scan([&](BytesView key, BytesView stored, Timestamp timestamp) {
      for (; next != entries.end() && state::key_less(next->key, key); ++next) show(*next);
      if (next != entries.end() && !state::key_less(key, next->key)) {
        show(*next++);  // memory is newer
      } else {
        visit(key, stored, timestamp);
      }
    });
    if (!scanned.ok()) return scanned;
  }
  for (; next != entries.end(); ++next) show(*next);
  return status;
}

}  // namespace klamm::detail
