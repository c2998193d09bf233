#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#include "klamm/detail/ops/write.hpp"
#include "klamm/detail/teller.hpp"

// Tables as stages.

namespace klamm::inline v0::detail {

template <class A> std::unique_ptr<StoreBase> new_store() { return std::unique_ptr<StoreBase>(new Store<A>); }

/// How a table's entry takes in a record. `operator()` sees the accumulator and whether it is new.
struct CountUpdate {
  static constexpr bool puts = false;
  template <class K, class V> Entry operator()(std::int64_t& total, bool, const K&, const V&, RecordContext&) const {
    ++total;
    return Entry::keep;
  }
};
template <class F> struct ReduceUpdate {
  static constexpr bool puts = false;
  F f;
  template <class K, class V> Entry operator()(V& total, bool added, const K&, const V& value, RecordContext&) const {
    if (added)
      total = value;
    else if constexpr (std::is_void_v<std::invoke_result_t<const F&, V&, const V&>>)
      invoke(f, total, value);
    else
      total = invoke(f, total, value);
    return Entry::keep;
  }
};
template <class F> struct FoldUpdate {
  static constexpr bool puts = false;
  Callee<F> f;
  template <class A, class K, class V> Entry operator()(A& total, bool, const K& key, const V& value, RecordContext& context) const {
    if constexpr (std::is_void_v<decltype(call<const V&>(f, key, value, context, total))>) {
      call<const V&>(f, key, value, context, total);
      return Entry::keep;
    } else {
      return call<const V&>(f, key, value, context, total);
    }
  }
  void bind() {
    if constexpr (Callee<F>::binds) f.bind();
  }
};
/// A table of last values: null erases, and rows have the time of their record, late or not.
struct PutUpdate {
  static constexpr bool puts = true;
  template <class A, class K> Entry operator()(A& now, bool, const K&, const A& value, RecordContext&) const {
    now = value;
    return Entry::keep;
  }
};

/// What the stages that keep a table of one row for each key have in common.
template <class K, class A> class Keeper : public Teller<K, A> {
 public:
  const A* find(const K& key, RecordContext& context, Timestamp& time) override {
    if (!encode_key(key, context)) return nullptr;
    const Row<A>* row = store_->find(BytesView{key_});
    if (row == nullptr) return nullptr;
    time = row->timestamp;
    return &row->value;
  }
  const A* find_told(const K& key, RecordContext& context, Timestamp& time) override {
    if (this->holds_back() && encode_key(key, context)) {
      if (const auto* held = this->held(BytesView{key_}); held != nullptr) {
        time = held->context.timestamp;
        return held->had_old ? &held->old : nullptr;
      }
    }
    return find(key, context, time);
  }

 protected:
  Keeper(StoreId store, Emit emit) : Teller<K, A>{emit}, id_{store} {}

  void open(Task& task, Stage& stage) {
    store_ = static_cast<Store<A>*>(&task.store(id_));
    Teller<K, A>::open(task, stage, *store_);
  }
  bool encode_key(const K& key, RecordContext& context) {
    key_.clear();
    const Encoded result = encode(key, key_);
    if (!result.ok()) [[unlikely]]
      context.task->unencodable(this->node_id(), context, result);
    return result.ok();
  }
  /// Ends a change of the row: what `entry` says becomes of it, and everybody is told.
  void close(K& key, Row<A>& row, Entry entry, Change<A>& change, RecordContext& context) {
    row.timestamp = context.timestamp;
    if (entry == Entry::erase) {
      store_->erase(row);
      change.now = nullptr;
    } else {
      row.set_present(true);
    }
    send(key, change, context);
  }
  void send(K& key, Change<A>& change, RecordContext& context) {
    if (!this->holds_back()) [[likely]]
      return this->tell(key, change, context);
    this->hold(BytesView{key_}, key, change.old, context);
  }

  Store<A>* store_ = nullptr;
  Bytes key_;
  A before_{};  // while a function is at work on the row

 private:
  StoreId id_;
};

/// Keeps one A for each key and sends every change. A record's time becomes that of its row; an aggregation's row has the greatest of its
/// records'.
template <class K, class V, class A, class Update> class TableStage final : public KeepingStage<K, V, Keeper<K, A>> {
 public:
  TableStage(StoreId store, Emit emit, A start, Update update)
      : KeepingStage<K, V, Keeper<K, A>>{store, emit}, start_{std::move(start)}, update_{std::move(update)} {}

  void push(K& key, V& value, RecordContext& context) override {
    at_work(this->node, context);
    if (lacks_key(key, context)) [[unlikely]]
      return context.task->dropped(this->node, context, Drop::null_key);
    if (!this->encode_key(key, context)) return;
    if constexpr (!optional_v<V>) {
      take(key, value, context);
    } else if (value) {
      take(key, *value, context);
    } else if constexpr (Update::puts) {
      erase(key, context);
    } else {
      context.task->dropped(this->node, context, Drop::null_value);
    }
  }

 protected:
  [[nodiscard]] Stage* copy() const override { return new TableStage(*this); }
  void bind(Task& task) override {
    if constexpr (requires { update_.bind(); }) update_.bind();
    this->open(task, *this);
    this->touch = this->touched();
  }

 private:
  void take(K& key, const plain_t<V>& value, RecordContext& context) {
    Row<A>& row = this->store_->change(BytesView{this->key_});
    const bool added = !row.present();
    Change<A> change{nullptr, &row.value};
    if (added) {
      row.value = start_;
    } else {
      change.old = this->kept(row.value);
      if (!Update::puts && row.timestamp > context.timestamp) context.timestamp = row.timestamp;
    }
    PutBack<A> unless_done{row.value, added, this->before_, *context.task};
    const Entry entry = update_(row.value, added, std::as_const(key), value, context);
    unless_done.done();
    this->close(key, row, entry, change, context);
  }
  /// A tombstone is forwarded even where nothing was.
  void erase(K& key, RecordContext& context) {
    Change<A> change;
    if (this->store_->find(BytesView{this->key_}) == nullptr) return this->send(key, change, context);
    Row<A>& row = this->store_->change(BytesView{this->key_});
    change.old = this->kept(row.value);
    this->close(key, row, Entry::erase, change, context);
  }

  A start_;
  Update update_;
};

}  // namespace klamm::inline v0::detail
