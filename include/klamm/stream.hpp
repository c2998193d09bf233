#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "klamm/detail/fused.hpp"
#include "klamm/detail/ops/branch.hpp"
#include "klamm/detail/ops/changes.hpp"
#include "klamm/detail/ops/filter.hpp"
#include "klamm/detail/ops/flat_map.hpp"
#include "klamm/detail/ops/join.hpp"
#include "klamm/detail/ops/map.hpp"
#include "klamm/detail/ops/mutate.hpp"
#include "klamm/detail/ops/peek.hpp"
#include "klamm/detail/ops/process.hpp"
#include "klamm/detail/ops/select_key.hpp"
#include "klamm/detail/ops/to_one_of.hpp"
#include "klamm/detail/ops/try_map.hpp"
#include "klamm/detail/ops/with_header.hpp"
#include "klamm/detail/ops/with_timestamp.hpp"
#include "klamm/table_name.hpp"

// One class above 400 lines: the operators of a stream are its methods, and each says what it asks of its argument.

namespace klamm::inline v0 {

template <class K, class V> class GroupedStream;
template <class K, class V> class Table;

/// Handle of a stream of records. Operators on a temporary fuse into one chain; a handle with a name is a branch point: its chain runs
/// once, and everything built on the name gets the records in the order of the program.
///
/// `f` is called as std::invoke does (member pointers too) with the value, or (key, value), or with_record(f) the whole record. All tasks
/// share what it refers to; it must be const-callable and copyable. A record whose key is null does not reach a callable that takes the
/// key: the error policy decides. Every operator takes `klamm::as("name")` as its last argument.
template <class K, class V, class Chain = detail::Here<K, V>> class [[nodiscard]] Stream {
 public:
  using key_type = K;
  using value_type = V;

  /// A stream with the chain out of its type: for function parameters, members, containers.
  operator Stream<K, V>() const requires(!std::is_same_v<Chain, detail::Here<K, V>>) { return branch_point({}); }

  /// Keeps the records for which `f` is true.
  ///
  ///     orders.filter(&Order::paid)
  template <class F> auto filter(F f, Named named = {}) && {
    using namespace detail;
    constexpr bool ok = callable_v<F, K, const V&> && returns_bool_v<F, K, const V&>;
    static_assert(accepts_v<F, K, const V&>, "klamm: filter(f): f must accept this stream's value, or (key, value), or be with_record(f)");
    static_assert(const_callable_v<F, K, const V&>,
                  "klamm: filter(f): f is shared by all tasks and must be const-callable (no mutable lambda): use per_task");
    static_assert(returns_bool_v<F, K, const V&>, "klamm: filter(f): f must return bool");
    if constexpr (ok)
      return std::move(*this).template then<K, V, Filter<F, true>>("filter", std::move(f), named);
    else
      return Inert{};
  }

  /// Drops the records for which `f` is true.
  template <class F> auto filter_not(F f, Named named = {}) && {
    using namespace detail;
    constexpr bool ok = callable_v<F, K, const V&> && returns_bool_v<F, K, const V&>;
    static_assert(accepts_v<F, K, const V&>,
                  "klamm: filter_not(f): f must accept this stream's value, or (key, value), or be with_record(f)");
    static_assert(const_callable_v<F, K, const V&>,
                  "klamm: filter_not(f): f is shared by all tasks and must be const-callable (no mutable lambda): use per_task");
    static_assert(returns_bool_v<F, K, const V&>, "klamm: filter_not(f): f must return bool");
    if constexpr (ok)
      return std::move(*this).template then<K, V, Filter<F, false>>("filter_not", std::move(f), named);
    else
      return Inert{};
  }

  /// Changes the value in place: `f(V&)`. Allocates nothing of its own; the cheapest way to edit.
  ///
  ///     lines.mutate([](std::string& line) { line += '.'; })
  template <class F> auto mutate(F f, Named named = {}) && {
    using namespace detail;
    static_assert(accepts_v<F, K, V&>,
                  "klamm: mutate(f): f must accept this stream's value by reference, or (key, value), or be with_record(f)");
    static_assert(const_callable_v<F, K, V&>,
                  "klamm: mutate(f): f is shared by all tasks and must be const-callable (no mutable lambda): use per_task");
    if constexpr (callable_v<F, K, V&>)
      return std::move(*this).template then<K, V, Mutate<F>>("mutate", std::move(f), named);
    else
      return Inert{};
  }

  /// Gives each record a new value, or with KeyValue a new key too. **All tasks share what `f` refers to: a lambda that captures by
  /// reference races.** A result of the same type goes back into the slot, so `f` may take the value by `V&&` and return it.
  ///
  ///     orders.map([](const Order& o) { return klamm::KeyValue{o.user_id, o.amount}; })
  template <class F> auto map(F f, Named named = {}) && {
    using namespace detail;
    using P = passed_t<F, V>;
    constexpr bool ok = callable_v<F, K, P> && returns_value_v<F, K, P> && outlives_v<F, K, P> && default_constructible_result_v<F, K, P>;
    static_assert(accepts_v<F, K, P>,
                  "klamm: map(f): f must accept this stream's value, or (key, value), or be with_record(f); f(V&) is mutate's");
    static_assert(const_callable_v<F, K, P>,
                  "klamm: map(f): f is shared by all tasks and must be const-callable (no mutable lambda): use per_task");
    static_assert(returns_value_v<F, K, P>,
                  "klamm: map(f): f must return the new value; to change it in place use mutate(f), to look at it peek(f)");
    static_assert(outlives_v<F, K, P>,
                  "klamm: map(f): f returns a view into a value that may not outlive it: return an owning type, or say borrow(f)");
    static_assert(default_constructible_result_v<F, K, P>,
                  "klamm: map(f): what f returns is kept in slots and must be default-constructible");
    if constexpr (ok)
      return std::move(*this).template mapped<std::remove_cvref_t<result_t<F, K, P>>, Map, Remap>("map", std::move(f), named);
    else
      return Inert{};
  }

  /// A map that may fail without an exception: `f` returns Result<V2>, or Result<KeyValue<K2, V2>>. A record for which it returns an error
  /// goes to the error policy as if it had thrown, with the status' message as the reason.
  ///
  ///     lines.try_map([](const std::string& line) -> klamm::Result<Order> { return parse_order(line); })
  template <class F> auto try_map(F f, Named named = {}) && {
    using namespace detail;
    using P = passed_t<F, V>;
    constexpr bool ok = callable_v<F, K, P> && returns_result_v<F, K, P> && outlives_v<F, K, P> && default_constructible_value_v<F, K, P>;
    static_assert(accepts_v<F, K, P>, "klamm: try_map(f): f must accept this stream's value, or (key, value), or be with_record(f)");
    static_assert(const_callable_v<F, K, P>,
                  "klamm: try_map(f): f is shared by all tasks and must be const-callable (no mutable lambda): use per_task");
    static_assert(returns_result_v<F, K, P>, "klamm: try_map(f): f must return klamm::Result of the new value, or of a KeyValue");
    static_assert(outlives_v<F, K, P>,
                  "klamm: try_map(f): f returns a view into a value that may not outlive it: return an owning type, or say borrow(f)");
    static_assert(default_constructible_value_v<F, K, P>,
                  "klamm: try_map(f): what f returns is kept in slots and must be default-constructible");
    if constexpr (ok)
      return std::move(*this).template mapped<unwrapped_t<result_t<F, K, P>>, TryMap, TryRemap>("try_map", std::move(f), named);
    else
      return Inert{};
  }

  /// Gives each record another time: `f` returns milliseconds since 1970, or a Timestamp. What comes behind, sinks included, sees that one.
  /// A record that would get a negative time is dropped and counted.
  ///
  ///     orders.with_timestamp(&Order::placed_ms)
  template <class F> auto with_timestamp(F f, Named named = {}) && {
    using namespace detail;
    constexpr bool ok = callable_v<F, K, const V&> && gives_time_v<F, K, const V&>;
    static_assert(accepts_v<F, K, const V&>,
                  "klamm: with_timestamp(f): f must accept this stream's value, or (key, value), or be with_record(f)");
    static_assert(const_callable_v<F, K, const V&>,
                  "klamm: with_timestamp(f): f is shared by all tasks and must be const-callable (no mutable lambda): use per_task");
    static_assert(gives_time_v<F, K, const V&>,
                  "klamm: with_timestamp(f): f must return milliseconds since 1970 as an integer, or a klamm::Timestamp");
    if constexpr (ok)
      return std::move(*this).template then<K, V, WithTimestamp<F>>("with_timestamp", std::move(f), named);
    else
      return Inert{};
  }

  /// Adds a header to each record, behind those it has; sinks write them all. `f` is a text, or gives the value: text and bytes as they
  /// are, other types by their serde, nullopt as null. A value that its serde refuses sends the record to the error policy for produce.
  ///
  ///     orders.with_header("source", "web").with_header("region", &Order::region)
  template <class F> auto with_header(const std::string& name, F f, Named named = {}) && {
    using namespace detail;
    if constexpr (std::is_convertible_v<const F&, std::string_view>) {
      return std::move(*this).headed(name, HeaderText{std::string{std::string_view{f}}}, named);
    } else {
      constexpr bool ok = callable_v<F, K, const V&> && returns_header_v<F, K, const V&>;
      static_assert(accepts_v<F, K, const V&>,
                    "klamm: with_header(name, f): f must be a text, accept this stream's value, or (key, value), or be with_record(f)");
      static_assert(const_callable_v<F, K, const V&>,
                    "klamm: with_header(name, f): f is shared by all tasks and must be const-callable (no mutable lambda): use per_task");
      static_assert(returns_header_v<F, K, const V&>,
                    "klamm: with_header(name, f): f must return text, bytes, or a type with klamm::serde");
      if constexpr (ok)
        return std::move(*this).headed(name, std::move(f), named);
      else
        return Inert{};
    }
  }

  /// Makes any number of records of each: `f` returns a range of values or of KeyValue.
  ///
  ///     lines.flat_map([](const std::string& line) { return split(line); })
  template <class F> auto flat_map(F f, Named named = {}) && {
    using namespace detail;
    using P = passed_t<F, V>;
    constexpr bool ok =
        callable_v<F, K, P> && returns_range_v<F, K, P> && elements_outlive_v<F, K, P> && default_constructible_elements_v<F, K, P>;
    static_assert(accepts_v<F, K, P>, "klamm: flat_map(f): f must accept this stream's value, or (key, value), or be with_record(f)");
    static_assert(const_callable_v<F, K, P>,
                  "klamm: flat_map(f): f is shared by all tasks and must be const-callable (no mutable lambda): use per_task");
    static_assert(returns_range_v<F, K, P>, "klamm: flat_map(f): f must return a range of values or of KeyValue");
    static_assert(elements_outlive_v<F, K, P>,
                  "klamm: flat_map(f): f returns views into a value that may not outlive it: return owning types, or say borrow(f)");
    static_assert(default_constructible_elements_v<F, K, P>,
                  "klamm: flat_map(f): the elements of f's range are kept in slots and must be default-constructible");
    if constexpr (ok)
      return std::move(*this).flat_mapped(std::move(f), named);
    else
      return Inert{};
  }

  /// Gives each record a new key. No topic appears before a table or a join needs one.
  template <class F> auto select_key(F f, Named named = {}) && {
    using namespace detail;
    constexpr bool ok = callable_v<F, K, const V&> && returns_value_v<F, K, const V&> && outlives_v<F, K, const V&> &&
                        default_constructible_result_v<F, K, const V&>;
    static_assert(accepts_v<F, K, const V&>,
                  "klamm: select_key(f): f must accept this stream's value, or (key, value), or be with_record(f)");
    static_assert(const_callable_v<F, K, const V&>,
                  "klamm: select_key(f): f is shared by all tasks and must be const-callable (no mutable lambda): use per_task");
    static_assert(returns_value_v<F, K, const V&>, "klamm: select_key(f): f must return the new key");
    static_assert(outlives_v<F, K, const V&>,
                  "klamm: select_key(f): f returns a view into a value that may not outlive it: return an owning type");
    static_assert(default_constructible_result_v<F, K, const V&>,
                  "klamm: select_key(f): the key is kept in slots and must be default-constructible");
    if constexpr (ok)
      return std::move(*this).rekeyed("select_key", std::move(f), named);
    else
      return Inert{};
  }

  /// Looks at each record.
  template <class F> auto peek(F f, Named named = {}) && {
    using namespace detail;
    static_assert(accepts_v<F, K, const V&>, "klamm: peek(f): f must accept this stream's value, or (key, value), or be with_record(f)");
    static_assert(const_callable_v<F, K, const V&>,
                  "klamm: peek(f): f is shared by all tasks and must be const-callable (no mutable lambda): use per_task");
    if constexpr (callable_v<F, K, const V&>)
      return std::move(*this).template then<K, V, Peek<F, false>>("peek", std::move(f), named);
    else
      return Inert{};
  }

  /// Ends the stream in a function.
  template <class F> void for_each(F f, Named named = {}) && {
    using namespace detail;
    static_assert(accepts_v<F, K, const V&>,
                  "klamm: for_each(f): f must accept this stream's value, or (key, value), or be with_record(f)");
    static_assert(const_callable_v<F, K, const V&>,
                  "klamm: for_each(f): f is shared by all tasks and must be const-callable (no mutable lambda): use per_task");
    if constexpr (callable_v<F, K, const V&>) std::move(*this).template then<K, V, Peek<F, true>>("for_each", std::move(f), named).end();
  }

  /// Groups by a new key. The records go through a repartition topic when a table needs it, so key and value need serdes.
  ///
  ///     orders.group_by(&Order::user_id).count("orders-by-user")
  template <class F> auto group_by(F f, Named named = {}) && {
    using namespace detail;
    using Key = key_result_t<F>;
    constexpr bool ok = callable_v<F, K, const V&> && returns_value_v<F, K, const V&> && default_constructible_result_v<F, K, const V&> &&
                        has_serde_v<Key> && has_serde_v<V> && owned_v<Key> && owned_v<V>;
    static_assert(accepts_v<F, K, const V&>,
                  "klamm: group_by(f): f must accept this stream's value, or (key, value), or be with_record(f)");
    static_assert(const_callable_v<F, K, const V&>,
                  "klamm: group_by(f): f is shared by all tasks and must be const-callable (no mutable lambda): use per_task");
    static_assert(returns_value_v<F, K, const V&>, "klamm: group_by(f): f must return the new key");
    if constexpr (callable_v<F, K, const V&> && returns_value_v<F, K, const V&>) {
      static_assert(default_constructible_result_v<F, K, const V&>,
                    "klamm: group_by(f): the key is kept in slots and must be default-constructible");
      static_assert(owned_v<Key> && owned_v<V>,
                    "klamm: group_by(f): key and value outlive their record and must own what they hold: no string_view, no span");
      static_assert(has_serde_v<Key> || !owned_v<Key> || !slot_v<Key>,
                    "klamm: group_by(f): the key goes through a repartition topic, so its type needs klamm::serde<Key>");
      static_assert(has_serde_v<V> || !owned_v<V>,
                    "klamm: group_by(f): the value goes through a repartition topic, so its type needs klamm::serde<Value>");
    }
    if constexpr (ok)
      return std::move(*this).rekeyed("group_by", std::move(f), named).grouped();
    else
      return Inert{};
  }

  // The same on a handle with a name: a branch. The parameters are the same, or every call would be ambiguous in g++ 12.
  template <class F> auto filter(F f, Named named = {}) const& { return branch_point(named).filter(std::move(f), named); }
  template <class F> auto filter_not(F f, Named named = {}) const& { return branch_point(named).filter_not(std::move(f), named); }
  template <class F> auto mutate(F f, Named named = {}) const& { return branch_point(named).mutate(std::move(f), named); }
  template <class F> auto map(F f, Named named = {}) const& { return branch_point(named).map(std::move(f), named); }
  template <class F> auto flat_map(F f, Named named = {}) const& { return branch_point(named).flat_map(std::move(f), named); }
  template <class F> auto try_map(F f, Named named = {}) const& { return branch_point(named).try_map(std::move(f), named); }
  template <class F> auto with_timestamp(F f, Named named = {}) const& { return branch_point(named).with_timestamp(std::move(f), named); }
  template <class F> auto with_header(const std::string& name, F f, Named named = {}) const& {
    return branch_point(named).with_header(name, std::move(f), named);
  }
  template <class F> auto select_key(F f, Named named = {}) const& { return branch_point(named).select_key(std::move(f), named); }
  template <class F> auto peek(F f, Named named = {}) const& { return branch_point(named).peek(std::move(f), named); }
  template <class F> void for_each(F f, Named named = {}) const& { branch_point(named).for_each(std::move(f), named); }
  template <class F> auto group_by(F f, Named named = {}) const& { return branch_point(named).group_by(std::move(f), named); }

  /// Groups by the key as it is. Records with a null key are dropped and counted by the table.
  auto group_by_key(Named named = {}) const {
    constexpr bool ok = detail::has_key_v<K> && detail::owned_v<K> && detail::owned_v<V> && detail::has_serde_v<K>;
    static_assert(detail::has_key_v<K>, "klamm: group_by_key(): the keys of this stream mean nothing (NoKey): use group_by(f)");
    static_assert(detail::owned_v<K> && detail::owned_v<V>,
                  "klamm: group_by_key(): key and value outlive their record and must own what they hold: no string_view, no span");
    static_assert(detail::has_serde_v<K>,
                  "klamm: group_by_key(): tables keep keys in serialised form, so the key type needs klamm::serde<Key>");
    if constexpr (ok)
      return branch_point(named).grouped();
    else
      return detail::Inert{};
  }

  /// Splits the stream: each record goes to the first stream whose predicate is true, else to the last.
  ///
  ///     auto [eu, us, rest] = orders.branch(is_eu, is_us);
  template <class P> auto branch(P p, Named named = {}) const { return detail::branched(*this, named, std::move(p)); }
  template <class P, class Q> auto branch(P p, Q q, Named named = {}) const {
    return detail::branched(*this, named, std::move(p), std::move(q));
  }
  template <class P, class Q, class R> auto branch(P p, Q q, R r, Named named = {}) const {
    return detail::branched(*this, named, std::move(p), std::move(q), std::move(r));
  }
  template <class P, class Q, class R, class S> auto branch(P p, Q q, R r, S s, Named named = {}) const {
    return detail::branched(*this, named, std::move(p), std::move(q), std::move(r), std::move(s));
  }

  /// All records of both streams, in no order between them.
  template <class Other> auto merge(const Other& other, Named named = {}) const {
    using namespace detail;
    using K2 = typename Other::key_type;
    using V2 = typename Other::value_type;
    static_assert(same_key_v<K, K2>, "klamm: merge(stream): both streams must have the same key type");
    static_assert(same_value_v<V, V2> || !same_key_v<K, K2>, "klamm: merge(stream): both streams must have the same value type");
    if constexpr (same_key_v<K, K2> && same_value_v<V, V2>) {
      const NodeId left = settled(named), right = other.settled(named);
      const NodeId node = add_merge(*place_.graph, left, *other.place_.graph, right, named);
      return Stream<K, V>{{place_.graph, node, node}, {}};
    } else {
      return Inert{};
    }
  }

  /// Looks each record up in a table by its key: `f(value, table_value)` or `f(key, value, table_value)` gives the new value; a record
  /// without a partner is dropped. The table is as it is when the record comes; its changes trigger nothing.
  template <class TK, class TV, class F> auto join(const Table<TK, TV>& table, F f, Named named = {}) const {
    using namespace detail;
    constexpr bool keys = has_key_v<K> && same_key_v<K, TK>, fits = joins_v<F, K, plain_t<V>, const TV&>;
    static_assert(has_key_v<K>, "klamm: join(table, f): the keys of this stream mean nothing (NoKey): use select_key(f) first");
    static_assert(same_key_v<K, TK> || !has_key_v<K>,
                  "klamm: join(table, f): stream and table must have the same key type: use select_key(f) first");
    static_assert(
        fits || !keys,
        "klamm: join(table, f): f must be const-callable with (value, table value) or (key, value, table value) and return the new value");
    if constexpr (keys && fits)
      return look_up<false>(*this, table, std::move(f), named);
    else
      return Inert{};
  }

  /// The same, but a record without a partner, or without a key, stays: `f(value, const TableValue*)` or `f(key, value, const TableValue*)`
  /// gets null.
  template <class TK, class TV, class F> auto left_join(const Table<TK, TV>& table, F f, Named named = {}) const {
    using namespace detail;
    constexpr bool keys = has_key_v<K> && same_key_v<K, TK>, fits = joins_v<F, K, plain_t<V>, const TV*>;
    static_assert(has_key_v<K>, "klamm: left_join(table, f): the keys of this stream mean nothing (NoKey): use select_key(f) first");
    static_assert(same_key_v<K, TK> || !has_key_v<K>,
                  "klamm: left_join(table, f): stream and table must have the same key type: use select_key(f) first");
    static_assert(fits || !keys,
                  "klamm: left_join(table, f): f must be const-callable with (value, const TableValue*) or (key, value, const TableValue*) "
                  "and return the new value");
    if constexpr (keys && fits)
      return look_up<true>(*this, table, std::move(f), named);
    else
      return Inert{};
  }

  /// Sends the records through a topic and goes on from it.
  auto through(const Topic<K, V>& topic, Named named = {}) const {
    using namespace detail;
    static_assert(has_serde_v<K> && has_serde_v<V>, "klamm: through(topic): key and value need klamm::serde");
    if constexpr (has_serde_v<K> && has_serde_v<V>) {
      const NodeId source =
          add_through(*place_.graph, settled(named), topic.info(), named, make_sink<K, V>(parts_of(*place_.graph, topic.info())), nullptr);
      return Stream<K, V, From<K, V>>{{place_.graph, source, source}, {}};
    } else {
      return Inert{};
    }
  }

  /// Keeps the last value of each key, late or not; nullopt erases, if V is optional.
  auto to_table(const TableName& table, Named named = {}) const {
    using namespace detail;
    constexpr bool ok = has_key_v<K> && owned_v<K> && owned_v<V> && has_serde_v<K> && has_serde_v<V>;
    static_assert(has_key_v<K>, "klamm: to_table(name): the keys of this stream mean nothing (NoKey): use select_key(f) first");
    static_assert(owned_v<K> && owned_v<V>,
                  "klamm: to_table(name): key and value outlive their record and must own what they hold: no string_view, no span");
    static_assert((has_serde_v<K> && has_serde_v<V>) || !has_key_v<K> || !owned_v<K> || !owned_v<V>,
                  "klamm: to_table(name): the table has a changelog, so key and value need klamm::serde");
    if constexpr (ok)
      return branch_point(named).grouped().put(table, named);
    else
      return Inert{};
  }

  /// Gives each record to a processor of the user's: an object for each task, made as `P{stores..., context}` with a `KeyValueStore&` for
  /// each store in this order and its `P::Context&`. The line `using Context = klamm::Context<Key, Value>;` says what it forwards; what
  /// comes out is taken to have a new key. `Context<>` forwards nothing, and ends the stream.
  ///
  ///     struct Dedup {
  ///       using Context = klamm::Context<std::string, Event>;
  ///       klamm::KeyValueStore<std::string, std::int64_t>& seen;
  ///       Context& context;
  ///       void process(const klamm::Record<std::string, const Event>& record);
  ///     };
  ///
  /// `process` gets every record: null keys (`has_key()` is false) and, where the stream has them, null values. A processor that takes
  /// `Record<Key, Value>` without the const may change the value or move from it, at the price of a copy at a branch point. What it
  /// throws goes to the error policy of `process`; what it has forwarded and changed before stays.
  ///
  /// The object is made when the task's stores are restored, and anew after a commit was aborted: what must survive belongs in a store.
  /// `void close()`, if there is one, is called at an orderly end before the last commit, and may forward; after a failure it is not
  /// called. What else its constructor needs comes last, and each task's object gets it by const reference:
  ///
  ///     .process<Dedup>(seen, klamm::with(5min))  // Dedup{seen, context, 5min}
  ///
  /// A processor with stores on a stream whose key has changed is a problem: send the stream through a topic first. All its functions run
  /// on the task's thread.
  template <class P> auto process(Named named = {}) const { return detail::processed<P, false>(*this, named); }
  template <class P, class A> auto process(const A& a, Named named = {}) const { return detail::processed<P, false>(*this, named, a); }
  template <class P, class A, class B> auto process(const A& a, const B& b, Named named = {}) const {
    return detail::processed<P, false>(*this, named, a, b);
  }
  template <class P, class A, class B, class C> auto process(const A& a, const B& b, const C& c, Named named = {}) const {
    return detail::processed<P, false>(*this, named, a, b, c);
  }
  template <class P, class A, class B, class C, class D>
  auto process(const A& a, const B& b, const C& c, const D& d, Named named = {}) const {
    return detail::processed<P, false>(*this, named, a, b, c, d);
  }

  /// The same for a processor that keeps the key, so that no table behind it needs a repartition topic: `using Context =
  /// klamm::ValueContext<Value>;`, and `context.forward(value)` while a record is at work.
  template <class P> auto process_values(Named named = {}) const { return detail::processed<P, true>(*this, named); }
  template <class P, class A> auto process_values(const A& a, Named named = {}) const {
    return detail::processed<P, true>(*this, named, a);
  }
  template <class P, class A, class B> auto process_values(const A& a, const B& b, Named named = {}) const {
    return detail::processed<P, true>(*this, named, a, b);
  }
  template <class P, class A, class B, class C> auto process_values(const A& a, const B& b, const C& c, Named named = {}) const {
    return detail::processed<P, true>(*this, named, a, b, c);
  }
  template <class P, class A, class B, class C, class D>
  auto process_values(const A& a, const B& b, const C& c, const D& d, Named named = {}) const {
    return detail::processed<P, true>(*this, named, a, b, c, d);
  }

  /// Gives the handle to `f` and returns what that returns: `orders.filter(&Order::paid).apply(by_region)`.
  template <class F> decltype(auto) apply(F&& f) && { return static_cast<F&&>(f)(std::move(*this)); }
  template <class F> decltype(auto) apply(F&& f) const& { return static_cast<F&&>(f)(*this); }

  /// Ends the stream in a topic. A topic of NoKey gets null keys.
  template <class TK, class TV> void to(const Topic<TK, TV>& topic, Named named = {}) && {
    using namespace detail;
    constexpr bool key_fits = topic_takes_v<TK, K> || !has_key_v<TK>, value_fits = topic_takes_v<TV, V>;
    static_assert(key_fits, "klamm: to(topic): the topic has another key type than the stream");
    static_assert(value_fits || !key_fits, "klamm: to(topic): the topic has another value type than the stream");
    static_assert(has_serde_v<TK> || !key_fits, "klamm: to(topic): the key type needs klamm::serde<Key>");
    static_assert(has_serde_v<V> || !value_fits, "klamm: to(topic): the value type needs klamm::serde<Value>");
    if constexpr (key_fits && value_fits && has_serde_v<TK> && has_serde_v<V>) {
      const auto add = in_chain ? &extend_to_sink : &add_sink;
      const NodeId sink = add(*place_.graph, place_.node, topic.info(), named);
      using End = Stream<K, V, appended_t<Chain, Write<TK>>>;
      End{{place_.graph, sink, place_.origin},
          appended<Chain, Write<TK>>::make(std::move(chain_), {{{}, nullptr, parts_of(*place_.graph, topic.info())}})}
          .end();
    }
  }
  template <class TK, class TV> void to(const Topic<TK, TV>& topic, Named named = {}) const& { branch_point(named).to(topic, named); }

  /// Ends the stream in the topic that each record chooses, of a list: `f` gives the topic, a pointer to it, or its name. The topics are
  /// known beforehand, so that they are created, checked and described as other sinks are; a name that is none of them sends the record to
  /// the error policy for produce.
  ///
  ///     orders.to({domestic, abroad}, [](const Order& o) { return o.abroad() ? &abroad : &domestic; })
  template <class TK, class TV, class F> void to(std::initializer_list<Topic<TK, TV>> topics, F f, Named named = {}) && {
    std::move(*this).to(std::vector<Topic<TK, TV>>{topics}, std::move(f), named);
  }
  template <class TK, class TV, class F> void to(const std::vector<Topic<TK, TV>>& topics, F f, Named named = {}) && {
    using namespace detail;
    constexpr bool key_fits = topic_takes_v<TK, K> || !has_key_v<TK>, fits = key_fits && topic_takes_v<TV, V>;
    constexpr bool serdes = has_serde_v<TK> && has_serde_v<V>, chooses = callable_v<F, K, const V&> && returns_topic_v<F, K, const V&>;
    static_assert(fits, "klamm: to(topics, f): the topics have another key or value type than the stream");
    static_assert(serdes || !fits, "klamm: to(topics, f): key and value types need klamm::serde");
    static_assert(
        chooses || !serdes || !fits,
        "klamm: to(topics, f): f must be const-callable with this stream's value, or (key, value), or be with_record(f), and give "
        "one of the topics, a pointer to it, or its name");
    if constexpr (fits && serdes && chooses) std::move(*this).template to_one_of<TK>(topics, std::move(f), named);
  }
  template <class TK, class TV, class F> void to(std::initializer_list<Topic<TK, TV>> topics, F f, Named named = {}) const& {
    branch_point(named).to(topics, std::move(f), named);
  }
  template <class TK, class TV, class F> void to(const std::vector<Topic<TK, TV>>& topics, F f, Named named = {}) const& {
    branch_point(named).to(topics, std::move(f), named);
  }

 private:
  /// Whether this handle still holds operators that are not a stage.
  static constexpr bool in_chain = !Chain::root || Chain::source;

  template <class, class, class> friend class Stream;
  template <class, class> friend class Table;
  friend class Topology;
  friend struct detail::Handles;
  Stream(const detail::Place& place, Chain chain) : place_{place}, chain_{std::move(chain)} {}

  template <class F> static constexpr auto key_result() {
    if constexpr (detail::callable_v<F, K, const V&> && detail::returns_value_v<F, K, const V&>)
      return std::type_identity<std::remove_cvref_t<detail::result_t<F, K, const V&>>>{};
    else
      return std::type_identity<int>{};
  }
  template <class F> using key_result_t = typename decltype(key_result<F>())::type;

  /// Adds an operator to the chain, and so uses this handle up.
  template <class K2, class V2, class Op, class F>
  Stream<K2, V2, detail::appended_t<Chain, Op>> then(const char* kind, F f, const Named& named,
                                                     detail::Rekeys rekeys = detail::Rekeys::no) && {
    const detail::NodeId node = in_chain ? detail::extend(*place_.graph, kind, place_.node, named, rekeys)
                                         : detail::add_operator(*place_.graph, kind, place_.node, named, rekeys);
    return {{place_.graph, node, place_.origin},
            detail::appended<Chain, Op>::make(std::move(chain_), detail::make_op<Op>(node, std::move(f)))};
  }

  /// `R`: what `f` gives. Changes the value in place if the type stays, else nests.
  template <class R, template <class, bool> class Op, template <class> class OpInPlace, class F>
  auto mapped(const char* kind, F f, const Named& named) && {
    using detail::Rekeys;
    if constexpr (detail::key_value_v<R>)
      return std::move(*this).template then<decltype(R::key), decltype(R::value), Op<F, true>>(kind, std::move(f), named, Rekeys::yes);
    else if constexpr (std::is_same_v<R, V>)
      return std::move(*this).template then<K, V, OpInPlace<F>>(kind, std::move(f), named);
    else
      return std::move(*this).template then<K, R, Op<F, false>>(kind, std::move(f), named);
  }

  template <class F> auto headed(const std::string& name, F f, const Named& named) && {
    const detail::NodeId node = in_chain ? detail::extend(*place_.graph, "with_header", place_.node, named, detail::Rekeys::no)
                                         : detail::add_operator(*place_.graph, "with_header", place_.node, named);
    using Op = detail::WithHeader<F>;
    Op op = detail::make_op<Op>(node, std::move(f));
    op.name = name;
    return Stream<K, V, detail::appended_t<Chain, Op>>{{place_.graph, node, place_.origin},
                                                       detail::appended<Chain, Op>::make(std::move(chain_), std::move(op))};
  }

  template <class TK, class TV, class F> void to_one_of(const std::vector<Topic<TK, TV>>& topics, F f, const Named& named) && {
    using namespace detail;
    Graph& graph = *place_.graph;
    const NodeId node =
        in_chain ? extend(graph, "to_one_of", place_.node, named, Rekeys::no) : add_operator(graph, "to_one_of", place_.node, named);
    using Op = ToOneOf<F, TK>;
    Op op = make_op<Op>(node, std::move(f));
    op.ways = ways_to<typename Op::Way>(graph, node, topics, named);
    using End = Stream<K, V, appended_t<Chain, Op>>;
    End{{place_.graph, node, place_.origin}, appended<Chain, Op>::make(std::move(chain_), std::move(op))}.end();
    commit_choices(graph, node);
  }

  template <class F> auto flat_mapped(F f, const Named& named) && {
    using R = detail::element_t<detail::result_t<F, K, detail::passed_t<F, V>>>;
    using Op = detail::FlatMap<F, K>;
    if constexpr (detail::key_value_v<R>)
      return std::move(*this).template then<decltype(R::key), decltype(R::value), Op>("flat_map", std::move(f), named, detail::Rekeys::yes);
    else
      return std::move(*this).template then<K, R, Op>("flat_map", std::move(f), named);
  }

  template <class F> auto rekeyed(const char* kind, F f, const Named& named) && {
    using R = key_result_t<F>;
    using Op = std::conditional_t<std::is_same_v<R, K>, detail::SelectKeyInPlace<F>, detail::SelectKey<F>>;
    return std::move(*this).template then<R, V, Op>(kind, std::move(f), named, detail::Rekeys::yes);
  }

  /// Commits the chain if that has not been done, and returns the node to read from.
  detail::NodeId settled(const Named& named) const {
    if constexpr (in_chain) {
      if (detail::settle(*place_.graph, place_.node, named)) detail::commit<K, V>(place_, std::move(chain_));
    }
    return place_.node;
  }
  void end() {
    detail::make_terminal(*place_.graph, place_.node);
    static_cast<void>(settled({}));
  }
  Stream<K, V> branch_point(const Named& named) const {
    const detail::NodeId node = settled(named);
    return {{place_.graph, node, node}, {}};
  }
  GroupedStream<K, V> grouped() && { return GroupedStream<K, V>{{place_.graph, settled({}), place_.node}}; }

  detail::Place place_;
  mutable Chain chain_;  // moved into its stage when the chain is committed
};

}  // namespace klamm::inline v0
