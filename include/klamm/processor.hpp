#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "klamm/api.hpp"
#include "klamm/callback.hpp"
#include "klamm/detail/stage.hpp"

// What a processor sees of its task. The stores it uses are in klamm/store.hpp, `process` itself is a method of klamm/stream.hpp.

namespace klamm::inline v0 {

namespace detail {
struct Schedule;
struct ContextAccess;
class StoreAccess;
}  // namespace detail

/// By which clock a punctuation is due.
enum class Time : unsigned char {
  stream,      ///< the greatest timestamp of the task's records: moves with them only
  wall_clock,  ///< the machine's (in tests the driver's): moves on without records
};

/// What `Context::schedule` gives: the way to end it. A value; copies are the same punctuation, and one made by default is none.
class KLAMM_API Punctuation {
 public:
  Punctuation() = default;
  explicit Punctuation(std::shared_ptr<detail::Schedule> schedule) : schedule_{std::move(schedule)} {}
  /// It does not fire again, after a restart either. Legal inside the punctuation, and twice.
  void cancel();

 private:
  std::shared_ptr<detail::Schedule> schedule_;
};

/// What a processor may say of a record that it forwards. What is not said is that of the record at work; of a punctuation its time, and no
/// headers.
struct Forward {
  std::optional<Timestamp> timestamp{};
  std::optional<Headers> headers{};
};

/// What all processors see of their task. On the task's thread, and only while one of the processor's functions runs.
class KLAMM_API ProcessorContext {
 public:
  ProcessorContext() = default;
  ProcessorContext(const ProcessorContext&) = delete;
  ProcessorContext& operator=(const ProcessorContext&) = delete;

  /// Of the record at work, or of the punctuation.
  [[nodiscard]] Timestamp timestamp() const;
  /// The greatest timestamp the task has seen, this record's included; -1 ms before its first.
  [[nodiscard]] Timestamp stream_time() const;
  [[nodiscard]] Timestamp wall_clock() const;
  /// The task's: that of the records it reads.
  [[nodiscard]] std::int32_t partition() const;
  /// Asks for a commit when the records at hand are through, instead of at the next interval.
  void commit();

  /// Calls `f(Timestamp now)` again and again, `every` being at least 1 ms. As in Kafka Streams:
  ///
  /// - `Time::stream`: due at multiples of `every`. Fires after the task's first record, then after each record that reaches or passes the
  ///   next multiple, once however many it passes; `now` is the stream time.
  /// - `Time::wall_clock`: due at multiples of `every` from the start of the task. Fires between two records, once however many it passes.
  ///
  /// Schedules of stream time made in the constructor go on after a restart where the last commit left them, and cancelled ones stay
  /// cancelled. They are recognised by the operator's name and the order of the calls in the constructor, with their `every`: one that is
  /// not recognised begins anew. A schedule that is made later ends with its processor object. Those of the wall clock begin anew.
  Punctuation schedule(Duration every, Time time, Callback<void(Timestamp)> f);

 protected:
  ~ProcessorContext() = default;
  /// The record at work, or what stands for it; null, with the application stopped for it, when none of the processor's functions runs.
  RecordContext* current(const char* call);
  /// Stops the application: there is no record whose key could be kept. Null.
  RecordContext* keyless();
  /// Something was forwarded or changed, which belongs in a commit even if there is no record.
  void changes(const RecordContext& at);
  [[nodiscard]] const void* record_key() const { return record_key_; }
  void say(RecordContext& at, const Forward& how) const {
    if (how.timestamp) at.timestamp = *how.timestamp;
    if (how.headers) at.headers = *how.headers;
  }

 private:
  friend struct detail::ContextAccess;
  friend class detail::StoreAccess;

  detail::Task* task_ = nullptr;
  detail::NodeId node_ = detail::NodeId::none;
  RecordContext* current_ = nullptr;
  const void* record_key_ = nullptr;  // of the record at work; null in a punctuation
};

namespace detail {

/// Consumers of what a processor forwards, with room for copies where they write to what the processor keeps.
template <class K, class V> class Outlet {
 public:
  /// `key` and `value` stay as they are.
  void push(const K& key, const V& value, RecordContext& context) {
    V* slot = const_cast<V*>(&value);
    if (out.touch() & touches_value) *(slot = &value_) = value;
    push_value(key, *slot, context);
  }
  /// `value` may be written to.
  void push_value(const K& key, V& value, RecordContext& context) {
    K* slot = const_cast<K*>(&key);
    if (out.touch() & touches_key) *(slot = &key_) = key;
    out.push(*slot, value, context);
  }

  Fan<K, V> out;

 private:
  K key_{};
  V value_{};
};

}  // namespace detail

/// What a processor of `process` gets beside its stores; it says so with `using Context = klamm::Context<Key, Value>;`, the key and value
/// that it forwards. `Context<>` forwards nothing.
template <class K = void, class V = void> class Context : public ProcessorContext {
 public:
  using key_type = K;
  using value_type = V;

  /// Hands a record on: it has passed everything behind the processor when this returns. `record.key` of a record without one is forwarded
  /// as null.
  void forward(const K& key, const V& value, const Forward& how = {}) { hand_on(key, value, how); }
  /// The same with a value that may be written to: saves a copy where somebody does.
  void forward(const K& key, V&& value, const Forward& how = {}) { hand_on(key, static_cast<V&&>(value), how); }

 private:
  friend struct detail::ContextAccess;

  template <class Value> void hand_on(const K& key, Value&& value, const Forward& how) {
    RecordContext* at = current("forward");
    if (at == nullptr || at->task->halted()) return;
    changes(*at);
    const RecordContext before = *at;
    at->null_key = std::is_same_v<K, NoKey> || (at->null_key && static_cast<const void*>(&key) == record_key());
    say(*at, how);
    if constexpr (std::is_lvalue_reference_v<Value>)
      outlet_.push(key, value, *at);
    else
      outlet_.push_value(key, value, *at);
    *at = before;
  }

  detail::Outlet<K, V> outlet_;
};

template <> class Context<void, void> : public ProcessorContext {
 public:
  using key_type = void;
  using value_type = void;
};

/// What a processor of `process_values` gets: `using Context = klamm::ValueContext<Value>;`.
template <class V> class ValueContext : public ProcessorContext {
 public:
  using value_type = V;

  /// Hands a record on with the key of the record at work. In a punctuation and in `close` there is none: the application stops.
  void forward(const V& value, const Forward& how = {}) { hand_on(const_cast<V&>(value), false, how); }
  void forward(V&& value, const Forward& how = {}) { hand_on(value, true, how); }

 protected:
  ~ValueContext() = default;

 private:
  virtual void hand_on(V& value, bool writable, const Forward& how) = 0;
};

}  // namespace klamm::inline v0
