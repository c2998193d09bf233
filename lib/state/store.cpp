#include "klamm/detail/store.hpp"

#include <algorithm>
#include <cassert>
#include <random>
#include <utility>

#include "ports/fault.hpp"
#include "state/open_file.hpp"
#include "state/snapshot.hpp"
#include "state/store_core.hpp"

namespace klamm::inline v0::state {

const std::uint64_t hash_seed = [] {
  std::random_device random;
  return std::uint64_t{random()} << 32 | random();
}();

}  // namespace klamm::inline v0::state

namespace klamm::inline v0::detail {

using ports::reached;
using state::hash_key;
using state::no_row;

StoreBase::StoreBase(std::size_t value_bytes, Heap heap)
    : core_{std::make_unique<state::StoreCore>(*this, value_bytes, heap == Heap::counted)} {}

StoreBase::~StoreBase() {
  if (core_->checkpointer != nullptr) core_->checkpointer->stop();
  if (core_->file.shared != nullptr && core_->budget != 0) core_->file.shared->give(core_->budget - core_->file.shared->least());
}

void StoreBase::destroy_rows() {
  core_->rows.for_each([this](std::byte* row) { destroy(row); });
}

Result<Opened> StoreBase::open(const StoreFile& file, ports::Executor& executor) {
  assert(core_->rows.size() == 0 && core_->checkpointer == nullptr);
  core_->file = file;
  core_->position = file.changelog_begin;
  core_->open_expiry = core_->in_flight_expiry = core_->settled_expiry = file.expired_before;
  if (file.path.empty()) return Opened{Opened::How::fresh, "kept in memory"};
  core_->set_budget();
  auto found = upgrades() ? state::open_file(core_->file, [this](std::string_view schema, BytesView key, BytesView value,
                                                                 Bytes& out) { return core_->upgrade(schema, key, value, out); })
                          : state::open_file(core_->file);
  if (!found.ok()) return found.status();
  core_->complete = found->table == nullptr;
  core_->position = found->position.changelog;
  core_->mark = found->position.mark;
  core_->newest = core_->settled = found->position.commit;
  if (core_->order != nullptr && found->table != nullptr) {
    if (auto status = core_->order_file(*found->table); !status.ok()) return status;
  }
  core_->checkpointer = std::make_shared<state::Checkpointer>(core_->file, std::move(found->table), found->position, executor);
  if (core_->budget != 0 && !core_->complete) {
    core_->filter_covers_file = false;
    core_->scanned = std::make_shared<state::KeyFilter>(core_->filter.bytes());
    core_->checkpointer->scan_keys(core_->scanned);
  }
  return std::move(found->opened);
}

Status StoreBase::close() {
  Status status;
  if (core_->checkpointer != nullptr) {
    if (core_->failure.ok()) status = core_->checkpointer->flush();
    core_->end_read();
    core_->reader.reset();
    core_->checkpointer->stop();
  }
  return core_->failure.ok() ? status : core_->failure;
}

std::int64_t StoreBase::position() const { return core_->position; }
std::int64_t StoreBase::durable_position() const {
  return core_->checkpointer == nullptr ? core_->position : core_->checkpointer->durable_position();
}
const std::string& StoreBase::mark() const { return core_->mark; }

Status StoreBase::content_status() const { return core_->failure.ok() ? core_->transient_failure : core_->failure; }
Status StoreBase::status() const {
  auto status = content_status();
  return status.ok() && core_->checkpointer != nullptr ? core_->checkpointer->status() : status;
}

std::byte* StoreBase::find_row(BytesView key) {
  state::StoreCore& core = *core_;
  const std::uint32_t hash = hash_key(key);
  RowHandle handle = core.rows.find(hash, key);
  if (handle != no_row) {
    state::StoreCore::set_referenced(core.rows.meta(handle));
  } else {
    if (core.complete) return nullptr;
    handle = core.load(hash, key);
    if (handle == no_row) return nullptr;
  }
  std::byte* row = core.rows.at(handle);
  const RowMeta& meta = core.rows.meta(row);
  return meta.present() ? row : nullptr;
}

StoreBase::Touched StoreBase::touch_row(BytesView key) {
  state::StoreCore& core = *core_;
  const std::uint32_t hash = hash_key(key);
  RowHandle handle = core.rows.find(hash, key);
  if (handle != no_row) {
    state::StoreCore::set_referenced(core.rows.meta(handle));
  } else {  // not referenced: what is wanted once goes first
    if (!core.complete) handle = core.load(hash, key);
    if (handle == no_row) {
      handle = core.create(hash, key);
      if (!core.transient_failure.ok()) core.unread.push_back(handle);
    }
  }
  std::byte* row = core.rows.at(handle);
  RowMeta& meta = core.rows.meta(row);
  state::UndoLog& log = core.open_generation();
  if (log.entry(handle, meta) != nullptr) return {row, no_slot};
  state::UndoLog& in_flight = core.in_flight();
  if (core.drained < in_flight.size()) {
    if (const auto* undo = in_flight.entry(handle, meta)) core.serialise(handle, *undo);
  }
  const std::uint32_t slot = log.add(handle, meta);
  if (core.counts_heap()) core.uncount_heap(handle);
  return {row, meta.present() ? slot : no_slot};
}

void StoreBase::begin_commit() {
  state::StoreCore& core = *core_;
  core.end_read();
  assert(!core.committing && !core.restoring);
  core.committing = true;
  // In memory nobody else holds the batch: its buffer is used again.
  if (core.pending == nullptr || core.pending.use_count() != 1) core.pending = std::make_shared<state::CommitBatch>(core.expected_bytes);
  core.pending->clear();
  core.pending->number = core.pending->first = ++core.newest;
  core.in_flight_expiry = core.open_expiry;
  open_log_ ^= 1U;
  core.open_generation().start_behind(core.in_flight());
  core.drained = core.sunk = 0;
}

bool StoreBase::drain(std::size_t limit, RowVisitor sink) {
  state::StoreCore& core = *core_;
  assert(core.committing);
  constexpr std::size_t ahead = 12;  // rows are scattered: ask for them early
  state::UndoLog& log = core.in_flight();
  const std::size_t end = log.size() - core.drained > limit ? core.drained + limit : log.size();
  for (; core.drained < end; ++core.drained) {
    if (core.drained + ahead < end) __builtin_prefetch(core.rows.at(log[core.drained + ahead].row), 1);
    core.serialise(log[core.drained].row, log[core.drained]);
  }
  if (!content_status().ok()) return true;
  const state::CommitBatch& batch = *core.pending;
  for (; core.sunk < batch.bytes(); core.sunk = batch.next(core.sunk)) {
    const state::Change change = batch.change_at(core.sunk);
    sink(core.order == nullptr ? change.key : state::KeyOrder::logged(change.key), change.value, change.timestamp);
  }
  return core.drained == log.size();
}

Status StoreBase::settle(std::int64_t changelog_end, std::string mark) {
  state::StoreCore& core = *core_;
  assert(core.committing);
  if (auto status = content_status(); !status.ok()) return status;
  assert(core.drained == core.in_flight().size() && core.sunk == core.pending->bytes());
  const bool moved = core.pending->bytes() != 0 || core.position != changelog_end || core.mark != mark;
  core.position = changelog_end;
  core.mark = std::move(mark);
  core.committing = false;
  core.in_flight().clear();
  core.drained = 0;
  core.settled_expiry = core.in_flight_expiry;
  if (core.checkpointer != nullptr && moved) {
    core.expected_bytes = core.pending->bytes() + core.pending->bytes() / 8 + 4096;
    core.settle_pending();
    // Rather more memory than more checkpoints, while there is some.
    const bool short_of_dirty = core.file.dirty_bytes < core.most_dirty && core.checkpointer->dirty_bytes() > core.file.dirty_bytes / 2;
    if (core.budget != 0 && (short_of_dirty || core.memory_bytes() > core.budget)) core.grow();
  }
  if (core.order != nullptr) core.drop_expired(state::StoreCore::drops_per_commit);
  core.bury();
  return core.checkpointer == nullptr ? Status{} : core.checkpointer->status();
}

void StoreBase::abort() {
  state::StoreCore& core = *core_;
  core.take_back(open_log_);
  reached("state: abort: half");
  core.take_back(open_log_ ^ 1U);
  for (const RowHandle row : core.unread) core.destroy(row);
  core.unread.clear();
  core.transient_failure = {};
  core.open_expiry = core.in_flight_expiry = core.settled_expiry;
  core.committing = false;
  core.drained = 0;
  core.bury();
}

Status StoreBase::restore(BytesView logged, BytesView value, Timestamp timestamp) {
  state::StoreCore& core = *core_;
  BytesView key = logged;
  if (core.order != nullptr) {
    if (!core.order->compose(logged, core.composed))
      return core.failure = core.value_problem(Code::data_loss, logged, "can't read the changelog's record", "its key is too short");
    key = core.composed;
    if (core.has_expired(key)) return {};
    core.newest_segment = std::max(core.newest_segment, state::KeyOrder::segment_of(key));
  }
  assert(!core.committing && core.open_generation().size() == 0);
  if (!core.restoring) {
    ++core.newest;
    core.in_parts = core.followed && core.checkpointer != nullptr;
  }
  core.restoring = true;
  const std::uint32_t hash = hash_key(key);
  RowHandle handle = core.rows.find(hash, key);
  if (value.data() == nullptr) {
    if (handle == no_row && !core.may_be_in_file(hash)) return {};
    if (core.order != nullptr) core.order->erase(key);
    if (core.complete && !core.in_parts) {  // no file to erase it from, and none of a part of this restore
      core.destroy(handle);
      return {};
    }
  }
  if (handle == no_row) handle = core.create(hash, key);
  std::byte* row = core.rows.at(handle);
  RowMeta& meta = core.rows.meta(row);
  meta.timestamp = timestamp;
  meta.set_present(value.data() != nullptr);
  state::StoreCore::commit_of(meta) = core.newest;
  if (core.counts_heap()) core.uncount_heap(handle);
  Status status;
  if (value.data() == nullptr) {
    reset(row);
  } else {
    status = core.decode(key, value, "can't decode the changelog's value", row);
  }
  if (core.counts_heap()) core.count_heap(handle);
  if (!status.ok()) {
    meta.set_present(false);
    if (status.code() != Code::unavailable) core.failure = status;
    return status;
  }
  if (core.order != nullptr && value.data() != nullptr) core.order->insert(key);
  if (core.in_parts) {
    if (value.data() == nullptr) core.graves.push_back({handle, core.newest});
    core.restore_to_file({key, value, timestamp});
    core.bury();
  } else if (core.budget != 0) {
    // The batches of all rows take about as much again as they do.
    while (core.memory_bytes() > core.budget / 3 && !core.in_parts) {
      if (!core.grow()) core.begin_parts();
    }
  }
  return core.failure;
}

Status StoreBase::restore_older(std::string_view schema, BytesView key, BytesView value, Timestamp timestamp) {
  if (value.data() == nullptr) return restore(key, value, timestamp);
  core_->upgraded.clear();
  const Status status = core_->upgrade(schema, key, value, core_->upgraded);
  return status.ok() ? restore(key, state::not_null(core_->upgraded), timestamp) : status;
}

Status StoreBase::end_restore(std::int64_t changelog_end, std::string mark) {
  state::StoreCore& core = *core_;
  if (!core.failure.ok()) return core.failure;
  core.position = changelog_end;
  core.mark = std::move(mark);
  if (!core.restoring) return {};
  core.restoring = false;
  if (core.checkpointer == nullptr) return {};
  if (std::exchange(core.in_parts, false)) {
    if (core.pending == nullptr) core.pending = std::make_shared<state::CommitBatch>();
    core.pending->number = core.pending->first = core.newest;
    core.settle_pending();
  } else {
    const auto batches = core.restored_batches();
    if (!core.failure.ok()) return core.failure;
    core.settled = core.newest;
    core.checkpointer->settle(batches);
  }
  core.bury();
  return core.checkpointer->status();
}

void StoreBase::follow() { core_->followed = true; }

void StoreBase::maybe_checkpoint(std::int64_t now_ms) {
  state::StoreCore& core = *core_;
  if (core.checkpointer == nullptr) return;
  if (core.checkpoint_due_ms >= 0 && now_ms < core.checkpoint_due_ms) return;
  if (core.checkpoint_due_ms >= 0) core.checkpointer->request();
  core.checkpoint_due_ms = now_ms + core.file.checkpoint_interval.milliseconds();
}

void StoreBase::checkpoint() {
  if (core_->checkpointer != nullptr) core_->checkpointer->request();
}
Status StoreBase::flush() { return core_->checkpointer == nullptr ? Status{} : core_->checkpointer->flush(); }

std::shared_ptr<StoreReader> StoreBase::reader() const {
  if (core_->checkpointer == nullptr) return nullptr;
  return std::make_shared<state::SnapshotReader>(core_->file, core_->checkpointer);
}

void StoreBase::hint(BytesView key) const {
  const RowHandle row = core_->rows.index().likely(hash_key(key));
  __builtin_prefetch(core_->rows.at(row), 1);
}
void StoreBase::hint_far(BytesView key) const { core_->rows.index().prefetch(hash_key(key)); }
std::size_t StoreBase::size() const { return core_->rows.size(); }

StoreFigures StoreBase::figures() const {
  StoreFigures figures;
  figures.rows = core_->rows.size();
  figures.row_bytes = core_->rows.bytes();
  figures.memory_bytes = core_->memory_bytes();
  figures.memory_limit = core_->budget;
  figures.heap_bytes = core_->heap_bytes;
  figures.evicted = core_->evicted;
  figures.held_back = core_->held_back;
  figures.file_reads = core_->file_reads;
  if (core_->checkpointer != nullptr) {
    const auto counters = core_->checkpointer->counters();
    figures.dirty_bytes = core_->checkpointer->dirty_bytes();
    figures.checkpoints = counters.checkpoints;
    figures.folds = counters.folds;
    figures.held_back += counters.held_back;
  }
  return figures;
}

}  // namespace klamm::inline v0::detail
