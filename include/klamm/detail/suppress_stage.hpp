#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "klamm/detail/ordered_store.hpp"
#include "klamm/detail/view_stage.hpp"
#include "klamm/suppress.hpp"
#include "klamm/update.hpp"

namespace klamm::inline v0::detail {

/// What a suppress is to its stage, beside the types.
struct SuppressSpec {
  NodeId table;       ///< in front
  StoreId store;      ///< of what is held back
  std::int64_t hold;  ///< so long behind a change's time, in stream time, it goes on
  BufferLimit limit;
};

/// Holds the changes of a table back: of each key the last one, with the old value that was told last. They go on when stream time, the
/// greatest of the changes that came here, has reached their time and `hold`: in the order of (time, serialised key). The time is that of
/// the first change that is held back, or (`Final`) the window's end; an update keeps its key's place.
///
/// What is held back is a store, so it survives restarts and aborts. Whoever looks keys up sees what was told last. `Final` swallows
/// tombstones. What goes on has no headers.
template <class K, class A, bool Final> class SuppressStage final : public Port<K, Change<A>>, public TableView<K, A> {
 public:
  explicit SuppressStage(const SuppressSpec& spec) : spec_{spec}, table_{spec.table} {}

  void* table_view() override { return static_cast<TableView<K, A>*>(this); }

  const A* find(const K& key, RecordContext& context, Timestamp& time) override {
    asked_.clear();
    if (const Encoded result = encode(key, asked_); !result.ok()) return nullptr;
    store_->times(BytesView{asked_}, 0, INT64_MAX, found_);
    if (found_.empty()) return table_.find(key, context, time);
    const Row<Update<A>>* row = store_->find(BytesView{asked_}, found_.front());
    time = Task::no_time;  // when it was told is not known any more
    return row == nullptr ? nullptr : row->value.old_value();
  }

  void push(K& key, Change<A>& change, RecordContext& context) override {
    at_work(this->node, context);
    if (context.timestamp > *clock_) *clock_ = context.timestamp;
    key_.clear();
    if (const Encoded result = encode(key, key_); !result.ok()) return context.task->unencodable(this->node, context, result);
    hold_back(key, change, context);
    let_go(context);
  }
  void after_abort() override { bytes_ = unknown; }

 protected:
  [[nodiscard]] Stage* copy() const override { return new SuppressStage(*this); }
  void bind(Task& task) override {
    store_ = static_cast<OrderedStore<Update<A>>*>(&task.store(spec_.store));
    clock_ = &task.clock(this->node, "stream");
    task.connect(out_, this->node);
    this->needs_old = true;
    table_.forget();
  }

 private:
  static constexpr std::int64_t unknown = -1;

  void hold_back(const K& key, const Change<A>& change, const RecordContext& context) {
    store_->times(BytesView{key_}, 0, INT64_MAX, found_);
    RowTime place{context.timestamp.milliseconds(), 0};
    if (!found_.empty())
      place = found_.front();
    else if constexpr (Final)
      place.first = key.window.end.milliseconds();
    count_bytes();
    Row<Update<A>>& row = store_->change(BytesView{key_}, place);
    if (row.present()) {
      add_bytes(row, key_.size(), -1);
      row.value.assign(row.value.old_value(), change.now);
    } else {
      row.value.assign(change.old, change.now);
    }
    row.timestamp = context.timestamp;
    store_->keep(row);
    add_bytes(row, key_.size(), 1);
  }
  void let_go(const RecordContext& context) {
    const std::int64_t due = clock_->milliseconds() - spec_.hold;
    while (!context.task->halted() && oldest() && (cursor_.time.first <= due || is_full())) {
      if (cursor_.time.first > due && spec_.limit.when_full == WhenFull::stop) {
        return context.task->stop(this->node, context,
                                  "holds back more than its limit of " +
                                      std::to_string(spec_.limit.records != 0 ? spec_.limit.records : spec_.limit.bytes) +
                                      (spec_.limit.records != 0 ? " records" : " bytes") + ": raise it, or let it emit_early()");
      }
      emit_oldest(context);
    }
  }
  bool oldest() {
    cursor_.time = {};
    cursor_.key.clear();
    cursor_.at_row = false;
    return store_->next(cursor_);
  }
  [[nodiscard]] bool is_full() const {
    return (spec_.limit.records != 0 && store_->present() > static_cast<std::size_t>(spec_.limit.records)) ||
           (spec_.limit.bytes != 0 && bytes_ > spec_.limit.bytes);
  }
  void emit_oldest(const RecordContext& record) {
    Row<Update<A>>& row = store_->change(BytesView{cursor_.key}, cursor_.time);
    RecordContext context = record;
    context.timestamp = row.timestamp;
    context.headers = {};
    add_bytes(row, cursor_.key.size(), -1);
    going_ = row.value;
    store_->erase(row);
    if (!decode(BytesView{cursor_.key}, key_slot_).ok()) return;
    Change<A> change{going_.old_value(), going_.new_value()};
    if (Final && change.now == nullptr) return;
    context.null_key = false;
    out_.push(key_slot_, change, context);
  }

  // Bytes are counted only against a limit; they are counted anew when an abort or a restart has changed the rows.
  void count_bytes() {
    if (spec_.limit.bytes == 0 || bytes_ != unknown) return;
    bytes_ = 0;
    for (cursor_ = {}; store_->next(cursor_);) bytes_ += bytes_of(*store_->find(BytesView{cursor_.key}, cursor_.time), cursor_.key.size());
  }
  void add_bytes(const Row<Update<A>>& row, std::size_t key_bytes, int sign) {
    if (spec_.limit.bytes != 0) bytes_ += sign * bytes_of(row, key_bytes);
  }
  std::int64_t bytes_of(const Row<Update<A>>& row, std::size_t key_bytes) {
    scratch_.clear();
    static_cast<void>(encode(row.value, scratch_));
    return static_cast<std::int64_t>(scratch_.size() + key_bytes);
  }

  SuppressSpec spec_;
  Lookup<K, A> table_;
  OrderedStore<Update<A>>* store_ = nullptr;
  Timestamp* clock_ = nullptr;
  Bytes key_, asked_, scratch_;
  std::vector<RowTime> found_;
  TimeCursor cursor_;
  K key_slot_{};
  Update<A> going_;
  std::int64_t bytes_ = unknown;
  Fan<K, Change<A>> out_;
};

}  // namespace klamm::inline v0::detail
