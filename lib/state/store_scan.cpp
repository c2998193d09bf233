#include <algorithm>
#include <cassert>
#include <vector>

#include "state/snapshot.hpp"
#include "state/store_core.hpp"

namespace klamm::inline v0::detail {
namespace {

struct Entry {
  BytesView key;
  std::byte* row;
};

bool within(std::span<const KeyRange> ranges, BytesView key) {
  return std::any_of(ranges.begin(), ranges.end(), [key](const KeyRange& range) {
    return !state::key_less(key, range.from) && (!range.to || state::key_less(key, *range.to));
  });
}

bool begins_with(BytesView key, BytesView prefix) {
  return prefix.size() <= key.size() && std::equal(prefix.begin(), prefix.end(), key.begin());
}

}  // namespace

Result<bool> StoreBase::get(Contents contents, BytesView logged, Bytes& value, Timestamp& timestamp) {
  state::StoreCore& core = *core_;
  value.clear();
  if (!core.failure.ok()) return core.failure;
  if (core.order != nullptr && !core.order->compose(logged, core.composed)) return false;
  const BytesView key = core.order == nullptr ? logged : BytesView{core.composed};
  if (core.has_expired(key)) return false;
  const std::uint32_t hash = state::hash_key(key);
  const RowHandle handle = core.rows.find(hash, key);
  if (handle == state::no_row) {
    if (!core.may_be_in_file(hash)) return false;
    if (auto begun = core.begin_read(); !begun.ok()) return begun;
    ++core.file_reads;
    return core.reader->get(key, value, timestamp);
  }
  const std::byte* row = core.rows.at(handle);
  const auto version = core.version(core.rows.at(handle), contents);
  if (!version.present) return false;
  if (const char* reason = core.encode(row, version, value); reason != nullptr) {
    return core.value_problem(Code::failed_record, key, "can't encode the value", reason);
  }
  timestamp = version.timestamp;
  return true;
}

Status StoreBase::for_each(Contents contents, RowVisitor visit, BytesView prefix) {
  state::StoreCore& core = *core_;
  if (!core.failure.ok()) return core.failure;
  std::vector<Entry> entries;
  if (prefix.empty()) entries.reserve(core.rows.size());
  core.rows.for_each([&](std::byte* row) {
    if (begins_with(core.rows.key(row), prefix)) entries.push_back({core.rows.key(row), row});
  });
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return state::key_less(a.key, b.key); });

  Status status;
  Bytes value;
  const auto shown = [&core](BytesView key) { return core.order == nullptr ? key : state::KeyOrder::logged(key); };
  const auto show = [&](const Entry& entry) {
    const auto version = core.version(entry.row, contents);
    if (!version.present || core.has_expired(entry.key)) return;
    value.clear();
    if (const char* reason = core.encode(entry.row, version, value); reason != nullptr) {
      status = core.value_problem(Code::failed_record, entry.key, "can't encode the value", reason);
      return;
    }
    visit(shown(entry.key), state::not_null(value), version.timestamp);
  };

  auto next = entries.begin();
  if (!core.complete) {
    if (auto begun = core.begin_read(); !begun.ok()) return begun;
    const auto scanned = core.reader->scan([&](BytesView key, BytesView stored, Timestamp timestamp) {
      for (; next != entries.end() && state::key_less(next->key, key); ++next) show(*next);
      if (next != entries.end() && !state::key_less(key, next->key)) {
        show(*next++);  // memory is newer
      } else if (begins_with(key, prefix) && !core.has_expired(key)) {
        visit(shown(key), stored, timestamp);
      }
    });
    if (!scanned.ok()) return scanned;
  }
  for (; next != entries.end(); ++next) show(*next);
  return status;
}

Result<std::unique_ptr<StoreSnapshot>> StoreBase::copy(std::span<const KeyRange> ranges) {
  state::StoreCore& core = *core_;
  assert(core.complete);
  if (!core.failure.ok()) return core.failure;
  std::vector<state::BatchPtr> batches;
  std::shared_ptr<state::CommitBatch> batch;
  Status status;
  core.rows.for_each([&](std::byte* row) {
    const BytesView key = core.rows.key(row);
    if (!status.ok() || !within(ranges, key)) return;
    const auto version = core.version(row, Contents::committed);
    if (!version.present || core.has_expired(key)) return;
    if (batch == nullptr || batch->bytes() >= state::CommitBatch::most_bytes / 16)
      batches.push_back(batch = std::make_shared<state::CommitBatch>());
    const char* reason = batch->append(key, version.timestamp, [&](Bytes& out) { return core.encode(row, version, out); });
    if (reason != nullptr) status = core.value_problem(Code::failed_record, key, "can't encode the value", reason);
  });
  if (!status.ok()) return status;
  return std::unique_ptr<StoreSnapshot>{new state::Snapshot{std::move(batches), nullptr}};
}

}  // namespace klamm::inline v0::detail
