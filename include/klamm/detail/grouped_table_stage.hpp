#pragma once

#include <utility>

#include "klamm/detail/table_stage.hpp"
#include "klamm/update.hpp"

// Tables that are kept of groups of another table's rows.

namespace klamm::inline v0::detail {

/// How such a table takes in a value, and how it takes one back.
template <class Add, class Subtract> struct AddSubtract {
  Add add;
  Subtract subtract;

  void bind() {
    if constexpr (requires { add.bind(); }) add.bind();
    if constexpr (requires { subtract.bind(); }) subtract.bind();
  }
};
struct CountDown {
  template <class K, class V> Entry operator()(std::int64_t& total, bool, const K&, const V&, RecordContext&) const {
    --total;
    return Entry::keep;
  }
};

/// Takes the old value of an update back and then adds the new one, as one change. There is nothing to take back from a group that does
/// not exist; a group that loses its last value stays, unless the function erases it.
template <class K, class V, class A, class Functions> class GroupedTableStage final : public KeepingStage<K, Update<V>, Keeper<K, A>> {
 public:
  GroupedTableStage(StoreId store, Emit emit, A start, Functions functions)
      : KeepingStage<K, Update<V>, Keeper<K, A>>{store, emit}, start_{std::move(start)}, functions_{std::move(functions)} {}

  void push(K& key, Update<V>& update, RecordContext& context) override {
    at_work(this->node, context);
    if (lacks_key(key, context)) [[unlikely]]
      return context.task->dropped(this->node, context, Drop::null_key);
    if (!this->encode_key(key, context)) return;
    Change<A> change;
    if (update.new_value() == nullptr && this->store_->find(BytesView{this->key_}) == nullptr) return this->send(key, change, context);

    Row<A>& row = this->store_->change(BytesView{this->key_});
    const bool added = !row.present();
    change.now = &row.value;
    if (added) {
      row.value = start_;
    } else {
      change.old = this->kept(row.value);
      if (row.timestamp > context.timestamp) context.timestamp = row.timestamp;
    }
    PutBack<A> unless_done{row.value, added, this->before_, *context.task};
    const Entry entry = apply(row.value, added, std::as_const(key), update, context);
    unless_done.done();
    this->close(key, row, entry, change, context);
  }

 protected:
  [[nodiscard]] Stage* copy() const override { return new GroupedTableStage(*this); }
  void bind(Task& task) override {
    functions_.bind();
    this->open(task, *this);
    this->touch = this->touched();
  }

 private:
  Entry apply(A& value, bool added, const K& key, const Update<V>& update, RecordContext& context) const {
    Entry entry = Entry::keep;
    if (const V* old = update.old_value(); old != nullptr && !added) entry = functions_.subtract(value, false, key, *old, context);
    if (const V* now = update.new_value(); now != nullptr) {
      const bool anew = added || entry == Entry::erase;
      if (anew) value = start_;
      entry = functions_.add(value, anew, key, *now, context);
    }
    return entry;
  }

  A start_;
  Functions functions_;
};

}  // namespace klamm::inline v0::detail
