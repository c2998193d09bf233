#pragma once

#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "klamm/detail/store.hpp"
#include "klamm/processor.hpp"

namespace klamm::inline v0 {

/// A store for processors, as `topology.store<K, V>(name)` has described it: a value to be given to `process` and `process_values`.
template <class K, class V> class StoreHandle {
 public:
  using key_type = K;
  using value_type = V;

  StoreHandle(detail::Graph& graph, detail::StoreId id, std::string name) : graph_{&graph}, name_{std::move(name)}, id_{id} {}
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] detail::StoreId id() const { return id_; }
  [[nodiscard]] const detail::Graph* graph() const { return graph_; }

 private:
  const detail::Graph* graph_;
  std::string name_;
  detail::StoreId id_;
};

namespace detail {

/// What a processor's store does without knowing its types.
class KLAMM_API StoreAccess {
 protected:
  explicit StoreAccess(ProcessorContext& context) : context_{&context} {}
  /// The record at work, for a change; null when there is none, or the application has stopped.
  RecordContext* changing(const char* call);
  /// Counts, or stops the application, because of a key that can't be encoded.
  void refuse(const Encoded& result);
  /// Stops the application: a row can't be read.
  void failed(const Status& status);
  void failed(const Decoded& result);
  [[nodiscard]] const Task& task() const { return *context_->task_; }

  ProcessorContext* context_;
  Bytes key_;
};

/// Rows of a store, copied in serialised form, so that whoever looks at them may change the store.
class KLAMM_API RowCopies {
 public:
  /// Those whose keys begin with `prefix`, in the order of their keys.
  Status take(StoreBase& store, BytesView prefix);
  /// Goes to the next row, at first to the first; false behind the last.
  bool next();
  [[nodiscard]] BytesView key() const { return key_; }
  [[nodiscard]] BytesView value() const { return value_; }
  [[nodiscard]] Timestamp timestamp() const { return timestamp_; }

 private:
  Bytes bytes_;
  std::size_t at_ = 0;
  BytesView key_, value_;
  Timestamp timestamp_;
};

template <class F, class V> constexpr bool updates() {
  if constexpr (std::is_invocable_v<F&, V&>) {
    using R = std::invoke_result_t<F&, V&>;
    return std::is_void_v<R> || std::is_same_v<R, Entry>;
  } else {
    return false;
  }
}
template <class F, class V> constexpr bool updates_v = updates<F, V>();
template <class F, class K, class V>
constexpr bool visits_v = std::is_invocable_v<F&, const K&, const V&> || std::is_invocable_v<F&, const K&, const V&, Timestamp>;

}  // namespace detail

/// A store as its processor sees it: the rows of the task's own partition. Each change goes to the changelog, in the same commit as what
/// the record has caused; a row's time is that of the record or punctuation at work. Used only while one of the processor's functions runs.
template <class K, class V> class KeyValueStore : private detail::StoreAccess {
 public:
  using key_type = K;
  using value_type = V;

  KeyValueStore(detail::Store<V>& store, ProcessorContext& context) : StoreAccess{context}, store_{&store} {}

  /// The value of `key`, uncommitted changes included; null when there is none. Valid until the next call.
  const V* find(const K& key) {
    if (!encode(key)) return nullptr;
    const detail::Row<V>* row = store_->find(BytesView{key_});
    return row != nullptr ? &row->value : nullptr;
  }

  /// Changes the value of `key` by `f(V&)`, which is V{} if there was none; `f` returns nothing, or an Entry: keep or erase. Returns what
  /// `find` would.
  ///
  ///     totals.update(record.key, [&](double& sum) { sum += record.value; });
  template <class F> const V* update(const K& key, F&& f) {
    static_assert(detail::updates_v<F, V>,
                  "klamm: store.update(key, f): f must be callable as f(Value&) and return nothing or klamm::Entry");
    if constexpr (detail::updates_v<F, V>) {
      const RecordContext* at = changing("update");
      if (at == nullptr || !encode(key)) return nullptr;
      detail::Row<V>& row = store_->change(BytesView{key_});
      detail::PutBack<V> unless_done{row.value, !row.present(), before_, task()};
      Entry entry = Entry::keep;
      if constexpr (std::is_void_v<std::invoke_result_t<F&, V&>>)
        f(row.value);
      else
        entry = f(row.value);
      unless_done.done();
      row.timestamp = at->timestamp;
      if (entry == Entry::erase) return store_->erase(row), nullptr;
      row.set_present(true);
      return &row.value;
    } else {
      return nullptr;
    }
  }

  /// Gives `key` a value, whatever it had.
  void put(const K& key, const V& value) { set(key, value); }
  void put(const K& key, V&& value) { set(key, static_cast<V&&>(value)); }

  /// Takes the row away: a tombstone in the changelog. False if there was none.
  bool erase(const K& key) {
    const RecordContext* at = changing("erase");
    if (at == nullptr || !encode(key) || store_->find(BytesView{key_}) == nullptr) return false;
    detail::Row<V>& row = store_->change(BytesView{key_});
    row.timestamp = at->timestamp;
    store_->erase(row);
    return true;
  }

  /// Calls `f(key, value)`, or `f(key, value, timestamp)`, for all rows of the partition as they are now, in the order of their serialised
  /// keys, uncommitted changes included. `f` may change the store: it goes on seeing the rows as they were. Copies and sorts them all, so
  /// it is for punctuations rather than for every record.
  ///
  ///     seen.scan([&](const std::string& id, Timestamp at) { if (at < limit) seen.erase(id); });
  template <class F> void scan(F&& f) {
    static_assert(detail::visits_v<F, K, V>,
                  "klamm: store.scan(f): f must be callable as f(const Key&, const Value&) or with a Timestamp behind them");
    if constexpr (detail::visits_v<F, K, V>) visit(BytesView{}, f);
  }

  /// The same for the rows whose keys begin with `key`. Looks at all keys of the partition.
  template <class F> void prefix(const K& key, F&& f) {
    constexpr bool ordered = std::is_same_v<K, std::string> || std::is_same_v<K, Bytes>;
    static_assert(ordered, "klamm: store.prefix(key, f): only keys of std::string or klamm::Bytes have prefixes");
    static_assert(detail::visits_v<F, K, V> || !ordered,
                  "klamm: store.prefix(key, f): f must be callable as f(const Key&, const Value&) or with a Timestamp behind them");
    if constexpr (ordered && detail::visits_v<F, K, V>) {
      if (encode(key)) visit(Bytes{key_}, f);
    }
  }

 private:
  bool encode(const K& key) {
    key_.clear();
    const Encoded result = detail::encode(key, key_);
    if (!result.ok()) [[unlikely]]
      refuse(result);
    return result.ok();
  }
  template <class Value> void set(const K& key, Value&& value) {
    const RecordContext* at = changing("put");
    if (at == nullptr || !encode(key)) return;
    detail::Row<V>& row = store_->change(BytesView{key_});
    row.value = static_cast<Value&&>(value);
    row.timestamp = at->timestamp;
    row.set_present(true);
  }

  /// Rows are copied first, in serialised form, so that `f` may change them.
  template <class Prefix, class F> void visit(const Prefix& prefix, F& f) {
    detail::RowCopies copies;
    if (const Status status = copies.take(*store_, BytesView{prefix}); !status.ok()) return failed(status);
    K key{};
    V value{};
    while (copies.next()) {
      if (const Decoded result = detail::decode(copies.key(), key); !result.ok()) return failed(result);
      if (const Decoded result = detail::decode(copies.value(), value); !result.ok()) return failed(result);
      if constexpr (std::is_invocable_v<F&, const K&, const V&>)
        f(std::as_const(key), std::as_const(value));
      else
        f(std::as_const(key), std::as_const(value), copies.timestamp());
    }
  }

  detail::Store<V>* store_;
  V before_{};  // while a function is at work on a row
};

}  // namespace klamm::inline v0
