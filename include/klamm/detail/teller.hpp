#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "klamm/detail/held_changes.hpp"
#include "klamm/detail/ops/calls.hpp"
#include "klamm/detail/stage.hpp"
#include "klamm/detail/store.hpp"
#include "klamm/emit.hpp"

// Who is told of a table's changes, and when; and who may ask a table.

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

/// What all stages that keep rows of A have in common, keys of type K being what their consumers see: changes are told at once, or with the
/// next commit once for each key.
template <class K, class A> class Teller : public TableView<K, A> {
 protected:
  using View = TableView<K, A>;

  explicit Teller(Emit emit) : holds_back_{emit == Emit::on_commit} {}

  void open(Task& task, Stage& stage, Store<A>& rows) {
    stage_ = &stage;
    rows_ = &rows;
    task.connect(out_, stage.node);
    wants_old_ = out_.needs_old();
  }
  [[nodiscard]] NodeId node_id() const { return stage_->node; }
  /// A copy of the value that is about to change, if anybody wants it.
  const A* kept(const A& value) {
    if (!wants_old_) return nullptr;
    old_ = value;
    return &*old_;
  }

  [[nodiscard]] bool holds_back() const { return holds_back_; }
  void tell(K& key, Change<A>& change, RecordContext& context) { out_.push(key, change, context); }
  /// Keeps the change back; `bytes` is the row's key in the store.
  void hold(BytesView bytes, const K& key, const A* old, const RecordContext& context) {
    held_.add(bytes, key, old, context);
    if (held_.bytes() > most_held_bytes) release(*context.task);
  }
  /// What consumers believe of a row whose change is kept back; null: nothing is, so that they know what the row says.
  const typename HeldChanges<K, A>::Held* held(BytesView bytes) {
    const std::size_t i = held_.find(bytes);
    return i >= released_ && i < held_.size() ? &held_.at(i) : nullptr;
  }
  /// Tells of a row apart from the change that is at work: what fails then fails alone.
  void tell_alone(K& key, Change<A>& change, RecordContext& context) {
    context.task->guarded(&push_alone, *stage_, &key, &change, context);
  }
  /// Tells what was kept back.
  void release(Task& task) {
    for (std::size_t i = 0; i < held_.size() && !task.halted(); ++i) {
      auto& held = held_.at(i);
      const Row<A>* row = rows_->find(held_.key(i));
      Change<A> change{held.had_old ? &held.old : nullptr, row != nullptr ? &row->value : nullptr};
      released_ = i + 1;
      tell_alone(held.key, change, held.context);
    }
    forget();
  }
  void forget() {
    held_.clear();
    released_ = 0;
  }

  /// What consumers do to the key, which goes through to them; their changes are the stage's own.
  [[nodiscard]] unsigned touched() const { return out_.touch() & touches_key; }

 private:
  static constexpr std::size_t most_held_bytes = std::size_t{4} << 20;

  static void push_alone(Stage& stage, void* key, void* change, RecordContext& context) {
    auto* const self = static_cast<Teller*>(static_cast<View*>(stage.table_view()));
    at_work(stage.node, context);
    Publish on_exception{context};
    self->out_.push(*static_cast<K*>(key), *static_cast<Change<A>*>(change), context);
    on_exception.done();
  }

  Stage* stage_ = nullptr;
  Store<A>* rows_ = nullptr;
  const bool holds_back_;
  bool wants_old_ = false;
  std::optional<A> old_;
  Fan<K, Change<A>> out_;
  HeldChanges<K, A> held_;
  std::size_t released_ = 0;  // how many of them have been told
};

/// The base of a stage that takes records of K and V and keeps a table of them: `Keeping` is a Teller.
template <class K, class V, class Keeping> class KeepingStage : public Port<K, V>, public Keeping {
 public:
  void* table_view() final { return static_cast<typename Keeping::View*>(this); }
  void before_commit(Task& task) final { this->release(task); }
  void after_abort() final { this->forget(); }

 protected:
  using Keeping::Keeping;
};

}  // namespace klamm::inline v0::detail
