#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "klamm/detail/table_stage.hpp"

// Filters and maps of tables. They keep no rows: changes pass through, look-ups are answered from the table behind.

namespace klamm::inline v0::detail {

/// The table that a stage of a task looks keys up in. Found at the first look-up, when all stages have their clones.
template <class K, class V> class Lookup {
 public:
  explicit Lookup(NodeId table) : table_{table} {}
  const V* find(const K& key, RecordContext& context, Timestamp& time) { return view(context).find(key, context, time); }
  const V* find_told(const K& key, RecordContext& context, Timestamp& time) { return view(context).find_told(key, context, time); }
  const V* find(const K& key, RecordContext& context) {
    Timestamp time;
    return find(key, context, time);
  }
  void forget() { view_ = nullptr; }

 private:
  TableView<K, V>& view(RecordContext& context) {
    if (view_ == nullptr) [[unlikely]]
      view_ = static_cast<TableView<K, V>*>(context.task->stage(table_).table_view());
    return *view_;
  }

  NodeId table_;
  TableView<K, V>* view_ = nullptr;
};

/// What a filter and a map of a table have in common: the table in front, the consumers behind.
template <class K, class From, class To> class ViewStage : public Port<K, Change<From>>, public TableView<K, To> {
 public:
  void* table_view() override { return static_cast<TableView<K, To>*>(this); }

 protected:
  explicit ViewStage(NodeId table) : table_{table} {}
  void connect(Task& task) {
    task.connect(out_, this->node);
    this->idle = out_.empty();
    this->touch = out_.touch() & touches_key;  // the key goes through to them; changes are the stage's own
  }

  Lookup<K, From> table_;
  Fan<K, Change<To>> out_;
};

/// A value that does not pass becomes a tombstone; nothing is sent where neither the old nor the new value passes.
template <class K, class V, class F, bool Expected> class FilterView final : public ViewStage<K, V, V> {
 public:
  FilterView(NodeId table, F f) : ViewStage<K, V, V>{table}, f_{std::move(f)} {}

  void push(K& key, Change<V>& change, RecordContext& context) override {
    Change<V> passed{passing(key, change.old, context), passing(key, change.now, context)};
    if (passed.old != nullptr || passed.now != nullptr) this->out_.push(key, passed, context);
  }
  const V* find(const K& key, RecordContext& context, Timestamp& time) override {
    return passing(key, this->table_.find(key, context, time), context);
  }
  const V* find_told(const K& key, RecordContext& context, Timestamp& time) override {
    return passing(key, this->table_.find_told(key, context, time), context);
  }

 protected:
  [[nodiscard]] Stage* copy() const override { return new FilterView(*this); }
  void bind(Task& task) override {
    if constexpr (Callee<F>::binds) f_.bind();
    this->connect(task);
    this->needs_old = true;
  }

 private:
  const V* passing(const K& key, const V* value, RecordContext& context) const {
    if (value == nullptr) return nullptr;
    at_work(this->node, context);
    return static_cast<bool>(call<const V&>(f_, key, *value, context)) == Expected ? value : nullptr;
  }

  Callee<F> f_;
};

template <class K, class V, class R, class F> class MapView final : public ViewStage<K, V, R> {
 public:
  MapView(NodeId table, F f) : ViewStage<K, V, R>{table}, f_{std::move(f)} {}

  void push(K& key, Change<V>& change, RecordContext& context) override {
    Change<R> mapped{this->needs_old ? map(key, change.old, old_, context) : nullptr, map(key, change.now, now_, context)};
    this->out_.push(key, mapped, context);
  }
  const R* find(const K& key, RecordContext& context, Timestamp& time) override {
    return map(key, this->table_.find(key, context, time), found_, context);
  }
  const R* find_told(const K& key, RecordContext& context, Timestamp& time) override {
    return map(key, this->table_.find_told(key, context, time), found_, context);
  }

 protected:
  [[nodiscard]] Stage* copy() const override { return new MapView(*this); }
  void bind(Task& task) override {
    if constexpr (Callee<F>::binds) f_.bind();
    this->connect(task);
    this->needs_old = this->out_.needs_old();
  }

 private:
  const R* map(const K& key, const V* value, R& slot, RecordContext& context) const {
    if (value == nullptr) return nullptr;
    at_work(this->node, context);
    slot = call<const V&>(f_, key, *value, context);
    return &slot;
  }

  Callee<F> f_;
  R old_{}, now_{}, found_{};
};

}  // namespace klamm::inline v0::detail
