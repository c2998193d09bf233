#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "klamm/detail/held_changes.hpp"
#include "klamm/detail/ops/write.hpp"
#include "klamm/detail/store.hpp"
#include "klamm/emit.hpp"

// Tables as stages.

namespace klamm::inline v0::detail {

/// What a table sends: the new value of a key, null when it was erased; and the old one, null when there was none or nobody wants it. Both
/// are valid during the call.
template <class A> struct Change {
  const A* old = nullptr;
  const A* now = nullptr;
};

/// What a join asks: the current value of a key in a table, or in a filter, map or join of tables, and since when it has it (untouched
/// when there is none). Valid until the next call.
template <class K, class V> class TableView {
 public:
  virtual const V* find(const K& key, RecordContext& context, Timestamp& time) = 0;
  /// The same as far as consumers have been told: older where the table keeps changes back for the commit. Who combines changes of one side
  /// with rows of another asks for this, so that what it says was is what it said.
  virtual const V* find_told(const K& key, RecordContext& context, Timestamp& time) { return find(key, context, time); }

 protected:
  ~TableView() = default;
};

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

/// What the stages that keep a table have in common: the rows, how they are found, and who is told of their changes, and when.
template <class K, class A> class Keeper : public TableView<K, A> {
 public:
  const A* find(const K& key, RecordContext& context, Timestamp& time) override {
    if (!encode_key(key, context)) return nullptr;
    const Row<A>* row = store_->find(BytesView{key_});
    if (row == nullptr) return nullptr;
    time = row->timestamp;
    return &row->value;
  }
  const A* find_told(const K& key, RecordContext& context, Timestamp& time) override {
    if (holds_back_ && encode_key(key, context)) {
      const std::size_t i = held_.find(BytesView{key_});
      if (i >= released_ && i < held_.size()) {
        time = held_.at(i).context.timestamp;
        return held_.at(i).had_old ? &held_.at(i).old : nullptr;
      }
    }
    return find(key, context, time);
  }

 protected:
  Keeper(StoreId store, Emit emit) : id_{store}, holds_back_{emit == Emit::on_commit} {}

  void open(Task& task, Stage& stage) {
    stage_ = &stage;
    const NodeId node = stage.node;
    store_ = static_cast<Store<A>*>(&task.store(id_));
    task.connect(out_, node);
    wants_old_ = out_.needs_old();
  }
  bool encode_key(const K& key, RecordContext& context) {
    key_.clear();
    const Encoded result = encode(key, key_);
    if (!result.ok()) [[unlikely]]
      context.task->unencodable(stage_->node, context, result);
    return result.ok();
  }
  /// A copy of the value that is about to change, if anybody wants it.
  const A* kept(const A& value) {
    if (!wants_old_) return nullptr;
    old_ = value;
    return &*old_;
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
    if (!holds_back_) [[likely]]
      return out_.push(key, change, context);
    held_.add(BytesView{key_}, key, change.old, context);
    if (held_.bytes() > most_held_bytes) release(*context.task);
  }
  /// Tells what was kept back. Each key fails alone.
  void release(Task& task) {
    for (std::size_t i = 0; i < held_.size() && !task.halted(); ++i) {
      auto& held = held_.at(i);
      const Row<A>* row = store_->find(held_.key(i));
      Change<A> change{held.had_old ? &held.old : nullptr, row != nullptr ? &row->value : nullptr};
      released_ = i + 1;
      task.guarded(&push_held, *stage_, &held.key, &change, held.context);
    }
    forget();
  }
  void forget() {
    held_.clear();
    released_ = 0;
  }

  /// What consumers do to the key, which goes through to them; their changes are the stage's own.
  [[nodiscard]] unsigned touched() const { return out_.touch() & touches_key; }

  Store<A>* store_ = nullptr;
  Bytes key_;
  A before_{};  // while a function is at work on the row

 private:
  static constexpr std::size_t most_held_bytes = std::size_t{4} << 20;

  static void push_held(Stage& stage, void* key, void* change, RecordContext& context) {
    auto* const self = static_cast<Keeper*>(static_cast<TableView<K, A>*>(stage.table_view()));
    at_work(stage.node, context);
    Publish on_exception{context};
    self->out_.push(*static_cast<K*>(key), *static_cast<Change<A>*>(change), context);
    on_exception.done();
  }

  Stage* stage_ = nullptr;
  StoreId id_;
  const bool holds_back_;
  bool wants_old_ = false;
  std::optional<A> old_;
  Fan<K, Change<A>> out_;
  HeldChanges<K, A> held_;
  std::size_t released_ = 0;  // how many of them have been told
};

/// Keeps one A for each key and sends every change. A record's time becomes that of its row; an aggregation's row has the greatest of its
/// records'.
template <class K, class V, class A, class Update> class TableStage final : public Port<K, V>, public Keeper<K, A> {
 public:
  TableStage(StoreId store, Emit emit, A start, Update update)
      : Keeper<K, A>{store, emit}, start_{std::move(start)}, update_{std::move(update)} {}

  void* table_view() override { return static_cast<TableView<K, A>*>(this); }
  void before_commit(Task& task) override { this->release(task); }
  void after_abort() override { this->forget(); }

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
