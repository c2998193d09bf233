#pragma once

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "klamm/detail/ops/cogroup.hpp"
#include "klamm/detail/ordered_store.hpp"
#include "klamm/detail/table_stage.hpp"
#include "klamm/window.hpp"

namespace klamm::inline v0::detail {

/// What a windowed table is to its stages, beside the types.
template <class W> struct WindowedTableSpec {
  W windows;
  StoreId store;
  Emit emit;
  std::int64_t retention;  ///< of rows, in stream time
  unsigned inputs = 1;     ///< of a cogroup: each has a stream time of its own
};

/// What the stages of windowed tables have in common: the rows, the clock, and who is told of changes, and when. Stream time is the
/// greatest of the records that came here; rows expire by it.
template <class K, class A, class W> class WindowKeeper : public Teller<Windowed<K>, A> {
 public:
  const A* find(const Windowed<K>& key, RecordContext& context, Timestamp& time) override {
    if (!encode_key(key.key, asked_, context)) return nullptr;  // maybe on behalf of who is told of a change: the key at work stays
    const Row<A>* row = store_->find(BytesView{asked_}, time_of(key.window));
    if (row == nullptr) return nullptr;
    time = row->timestamp;
    return &row->value;
  }
  const A* find_told(const Windowed<K>& key, RecordContext& context, Timestamp& time) override {
    if (this->holds_back() && encode_key(key.key, asked_, context)) {
      const BytesView bytes = store_->whole_key(BytesView{asked_}, time_of(key.window));
      if (const auto* held = this->held(bytes); held != nullptr) {
        time = held->context.timestamp;
        return held->had_old ? &held->old : nullptr;
      }
    }
    return find(key, context, time);
  }

 protected:
  WindowKeeper(const WindowedTableSpec<W>& spec, A start) : Teller<Windowed<K>, A>{spec.emit}, spec_{spec}, start_{std::move(start)} {}

  void open(Task& task, Stage& stage) {
    store_ = static_cast<OrderedStore<A>*>(&task.store(spec_.store));
    Teller<Windowed<K>, A>::open(task, stage, *store_);
    clocks_.clear();
    for (unsigned i = 0; i < spec_.inputs; ++i)
      clocks_.push_back(&task.clock(stage.node, (i == 0 ? std::string{"stream"} : "stream-" + std::to_string(i + 1)).c_str()));
    clock_ = clocks_.front();
    if (spec_.emit == Emit::on_window_close) emitted_ = &task.clock(stage.node, "closed");
  }
  bool encode_key(const K& key, Bytes& out, RecordContext& context) {
    out.clear();
    const Encoded result = encode(key, out);
    if (!result.ok()) [[unlikely]]
      context.task->unencodable(this->node_id(), context, result);
    return result.ok();
  }
  [[nodiscard]] static RowTime time_of(const Window& window) {
    if constexpr (W::sessions)
      return {window.end.milliseconds(), window.start.milliseconds()};
    else
      return {window.start.milliseconds(), 0};
  }
  [[nodiscard]] Window window_of(RowTime time) const {
    if constexpr (W::sessions)
      return {Timestamp{time.second}, Timestamp{time.first}};
    else
      return {Timestamp{time.first}, Timestamp{time.first + spec_.windows.length()}};
  }

  /// The record is of this input.
  void use_clock(unsigned input) { clock_ = clocks_[input]; }
  /// A record has come: stream time may go on.
  void observe(Timestamp timestamp) {
    if (timestamp > *clock_) *clock_ = timestamp;
  }
  [[nodiscard]] std::int64_t stream_time() const { return clock_->milliseconds(); }
  [[nodiscard]] bool closed(std::int64_t end) const { return stream_time() - spec_.windows.hold() >= end; }
  /// A record came too late for the window with this end.
  void late(std::int64_t end, const RecordContext& context) { context.task->late(this->node_id(), context, Duration{stream_time() - end}); }
  /// The record is done with: windows that have closed are told of, rows that have expired go.
  void finish(const RecordContext& context) {
    if (emitted_ != nullptr && *emitted_ < *clock_) emit_closed(context);
    const Timestamp* slowest = clock_;
    for (const Timestamp* clock : clocks_) {
      if (*clock < *slowest) slowest = clock;
    }
    store_->expire_before(Timestamp{slowest->milliseconds() - spec_.retention});
  }

  /// Changes the window's value by `Entry apply(A&, bool added, RecordContext&)` and tells of it. Output time: the greatest of the window's
  /// records.
  template <class Apply> void update(const K& key, RowTime time, const RecordContext& record, Apply apply) {
    RecordContext context = record;
    at_work(this->node_id(), context);
    Row<A>& row = store_->change(BytesView{key_}, time);
    const bool added = !row.present();
    const A* old = nullptr;
    if (added) {
      row.value = start_;
    } else {
      old = this->kept(row.value);
      if (row.timestamp > context.timestamp) context.timestamp = row.timestamp;
    }
    PutBack<A> unless_done{row.value, added, before_, *context.task};
    const Entry entry = apply(row.value, added, context);
    unless_done.done();
    close(key, time, row, entry, old, context);
  }
  /// Ends a change of the row: what `entry` says becomes of it, and everybody is told. Its time becomes the context's.
  void close(const K& key, RowTime time, Row<A>& row, Entry entry, const A* old, RecordContext& context) {
    row.timestamp = context.timestamp;
    Change<A> change{old, nullptr};
    if (entry == Entry::erase) {
      store_->erase(row);
    } else {
      store_->keep(row);
      change.now = &row.value;
    }
    if (emitted_ != nullptr) return;
    send(key, time, change, context);
  }

  WindowedTableSpec<W> spec_;
  A start_;
  OrderedStore<A>* store_ = nullptr;
  Bytes key_;
  A before_{};  // while a function is at work on the row

 private:
  void send(const K& key, RowTime time, Change<A>& change, RecordContext& context) {
    windowed_.key = key;
    windowed_.window = window_of(time);
    if (!this->holds_back()) [[likely]]
      return this->tell(windowed_, change, context);
    this->hold(store_->whole_key(BytesView{key_}, time), windowed_, change.old, context);
  }
  /// Tells of the windows that have closed since the last time, in the order of their time and key.
  void emit_closed(const RecordContext& record) {
    const std::int64_t behind = spec_.windows.length() + spec_.windows.hold();
    const std::int64_t last = stream_time() - behind;
    cursor_.time = {std::max<std::int64_t>(emitted_->milliseconds() - behind + 1, 0), 0};
    cursor_.key.clear();
    cursor_.at_row = false;
    *emitted_ = *clock_;
    if (last < 0) return;
    while (!record.task->halted() && store_->next(cursor_) && cursor_.time.first <= last) {
      const Row<A>* row = store_->find(BytesView{cursor_.key}, cursor_.time);
      if (row == nullptr || !decode(BytesView{cursor_.key}, windowed_.key).ok()) continue;  // what the store can't read stops the commit
      windowed_.window = window_of(cursor_.time);
      RecordContext context = record;
      context.timestamp = row->timestamp;
      Change<A> change{nullptr, &row->value};
      this->tell_alone(windowed_, change, context);
    }
  }
  Bytes asked_;
  std::vector<Timestamp*> clocks_;
  Timestamp* clock_ = nullptr;
  Timestamp* emitted_ = nullptr;  // up to where closed windows were told of; null: updates are
  Windowed<K> windowed_{};
  TimeCursor cursor_;
};

/// The base of a stage that takes records of K and V into windows. `In` is what its functions see of a value: V itself, null included, or
/// what is in it.
template <class K, class V, class In, class A, class W> class WindowStage : public KeepingStage<K, V, WindowKeeper<K, A, W>> {
 public:
  void push(K& key, V& value, RecordContext& context) override {
    at_work(this->node, context);
    if (lacks_key(key, context)) [[unlikely]]
      return context.task->dropped(this->node, context, Drop::null_key);
    if constexpr (optional_v<V>) {
      if (!value && (!optional_v<In> || std::is_same_v<W, SlidingWindows>))
        return context.task->dropped(this->node, context, Drop::null_value);
    }
    if (!this->encode_key(key, this->key_, context)) return;
    if constexpr (cogroup_step_v<In>) this->use_clock(value.input);
    this->observe(context.timestamp);
    if constexpr (optional_v<V> && !optional_v<In>)
      take(key, *value, context);
    else
      take(key, value, context);
    this->finish(context);
  }

 protected:
  using KeepingStage<K, V, WindowKeeper<K, A, W>>::KeepingStage;
  virtual void take(const K& key, const In& value, const RecordContext& context) = 0;
};

}  // namespace klamm::inline v0::detail
