#pragma once

#include <string>
#include <utility>

#include "klamm/detail/foreign_key_stages.hpp"
#include "klamm/detail/ops/regroup.hpp"
#include "klamm/detail/suppress_stage.hpp"
#include "klamm/detail/table_join_stage.hpp"
#include "klamm/stream.hpp"
#include "klamm/table_spec.hpp"

namespace klamm::inline v0 {

template <class K, class V> class GroupedTable;

namespace detail {
/// Whether a view of a table can make rows of T.
template <class T> constexpr bool row_v = owned_v<T>&& slot_v<T> && !key_value_v<T> && not_optional_v<T>;
}  // namespace detail

/// Handle of a table: copies are the same table. Its changes go to whoever reads it; joins look keys up in it.
template <class K, class V> class Table {
 public:
  using key_type = K;
  using value_type = V;

  /// Keeps the rows for which `f` is true: a view without a store. A value that stops to pass becomes a tombstone.
  ///
  ///     users.filter(&User::active).to(active_users)
  template <class F> auto filter(F f, Named named = {}) const {
    using namespace detail;
    constexpr bool ok = callable_v<F, K, const V&> && returns_bool_v<F, K, const V&>;
    static_assert(accepts_v<F, K, const V&>,
                  "klamm: table.filter(f): f must accept this table's value, or (key, value), or be with_record(f)");
    static_assert(const_callable_v<F, K, const V&>,
                  "klamm: table.filter(f): f is shared by all tasks and must be const-callable (no mutable lambda): use per_task");
    static_assert(returns_bool_v<F, K, const V&>, "klamm: table.filter(f): f must return bool");
    if constexpr (ok)
      return view<V, FilterView<K, V, F, true>>("filter", std::move(f), named);
    else
      return Inert{};
  }

  /// Drops the rows for which `f` is true.
  template <class F> auto filter_not(F f, Named named = {}) const {
    using namespace detail;
    constexpr bool ok = callable_v<F, K, const V&> && returns_bool_v<F, K, const V&>;
    static_assert(accepts_v<F, K, const V&>,
                  "klamm: table.filter_not(f): f must accept this table's value, or (key, value), or be with_record(f)");
    static_assert(const_callable_v<F, K, const V&>,
                  "klamm: table.filter_not(f): f is shared by all tasks and must be const-callable (no mutable lambda): use per_task");
    static_assert(returns_bool_v<F, K, const V&>, "klamm: table.filter_not(f): f must return bool");
    if constexpr (ok)
      return view<V, FilterView<K, V, F, false>>("filter_not", std::move(f), named);
    else
      return Inert{};
  }

  /// Gives each row another value: a view without a store. Keys stay; `f` must give equal results for equal rows.
  template <class F> auto map(F f, Named named = {}) const {
    using namespace detail;
    constexpr bool callable = callable_v<F, K, const V&> && returns_value_v<F, K, const V&>;
    static_assert(accepts_v<F, K, const V&>,
                  "klamm: table.map(f): f must accept this table's value, or (key, value), or be with_record(f)");
    static_assert(const_callable_v<F, K, const V&>,
                  "klamm: table.map(f): f is shared by all tasks and must be const-callable (no mutable lambda): use per_task");
    static_assert(returns_value_v<F, K, const V&>, "klamm: table.map(f): f must return the new value");
    if constexpr (callable) {
      using R = std::remove_cvref_t<result_t<F, K, const V&>>;
      constexpr bool ok = row_v<R>;
      static_assert(ok,
                    "klamm: table.map(f): f must return a default-constructible value that owns what it holds: no view, no KeyValue (a "
                    "table keeps its "
                    "keys), no std::optional (use filter)");
      if constexpr (ok)
        return view<R, MapView<K, V, R, F>>("map", std::move(f), named);
      else
        return Inert{};
    } else {
      return Inert{};
    }
  }

  /// Joins the rows of two tables that have the same key: `f(value, other_value)` or `f(key, value, other_value)` gives the joined row. A
  /// view without a store, told of the changes of both sides; each of them sends a record, also a deletion of what never joined while the
  /// other side is there. A row's time is the greater of both sides'. Both tables need equal partition counts.
  ///
  ///     users.join(balances, [](const User& user, double balance) { return Statement{user, balance}; })
  template <class K2, class W, class F> auto join(const Table<K2, W>& other, F f, Named named = {}) const {
    using namespace detail;
    constexpr bool keys = same_key_v<K, K2>, fits = combines_v<F, K, const V&, const W&>;
    static_assert(
        keys, "klamm: table.join(table, f): both tables must have the same key type: to join rows by what is in them, give a foreign key");
    static_assert(fits || !keys,
                  "klamm: table.join(table, f): f must be const-callable with (value, other value) or (key, value, other value) and return "
                  "the new value");
    if constexpr (keys && fits) {
      constexpr bool ok = row_v<typename TableJoiner<Sides::both, F, K, V, W>::Result>;
      static_assert(ok,
                    "klamm: table.join(table, f): f must return a default-constructible value that owns what it holds: no view, no "
                    "KeyValue (a table keeps its keys), no std::optional (use filter)");
      if constexpr (ok)
        return table_joined<Sides::both>("join", *this, other, std::move(f), named);
      else
        return Inert{};
    } else {
      return Inert{};
    }
  }

  /// The same, with a row for each of this table: `f(value, const OtherValue*)` or `f(key, value, const OtherValue*)` gets null where the
  /// other has none.
  ///
  ///     users.left_join(balances, [](const User& user, const double* balance) { return Statement{user, balance ? *balance : 0}; })
  template <class K2, class W, class F> auto left_join(const Table<K2, W>& other, F f, Named named = {}) const {
    using namespace detail;
    constexpr bool keys = same_key_v<K, K2>, fits = combines_v<F, K, const V&, const W*>;
    static_assert(
        keys,
        "klamm: table.left_join(table, f): both tables must have the same key type: to join rows by what is in them, give a foreign key");
    static_assert(fits || !keys,
                  "klamm: table.left_join(table, f): f must be const-callable with (value, const OtherValue*) or (key, value, const "
                  "OtherValue*) and return the new value");
    if constexpr (keys && fits) {
      constexpr bool ok = row_v<typename TableJoiner<Sides::left, F, K, V, W>::Result>;
      static_assert(ok,
                    "klamm: table.left_join(table, f): f must return a default-constructible value that owns what it holds: no view, no "
                    "KeyValue (a table keeps its keys), no std::optional (use filter)");
      if constexpr (ok)
        return table_joined<Sides::left>("left_join", *this, other, std::move(f), named);
      else
        return Inert{};
    } else {
      return Inert{};
    }
  }

  /// The same, with a row for each key of either table: `f(const Value*, const OtherValue*)` or `f(key, const Value*, const OtherValue*)`
  /// gets null for the side that has none, never for both.
  ///
  ///     stock.outer_join(orders, [](const int* there, const int* ordered) { return (there ? *there : 0) - (ordered ? *ordered : 0); })
  template <class K2, class W, class F> auto outer_join(const Table<K2, W>& other, F f, Named named = {}) const {
    using namespace detail;
    constexpr bool keys = same_key_v<K, K2>, fits = combines_v<F, K, const V*, const W*>;
    static_assert(
        keys,
        "klamm: table.outer_join(table, f): both tables must have the same key type: to join rows by what is in them, give a foreign key");
    static_assert(fits || !keys,
                  "klamm: table.outer_join(table, f): f must be const-callable with (const Value*, const OtherValue*) or (key, const "
                  "Value*, const OtherValue*) and return the new value");
    if constexpr (keys && fits) {
      constexpr bool ok = row_v<typename TableJoiner<Sides::either, F, K, V, W>::Result>;
      static_assert(ok,
                    "klamm: table.outer_join(table, f): f must return a default-constructible value that owns what it holds: no view, no "
                    "KeyValue (a table keeps its keys), no std::optional (use filter)");
      if constexpr (ok)
        return table_joined<Sides::either>("outer_join", *this, other, std::move(f), named);
      else
        return Inert{};
    } else {
      return Inert{};
    }
  }

  /// Joins each row of this table with the row of another to which it refers: `foreign_key(value)` or `foreign_key(key, value)` gives a key
  /// of that table, or a null std::optional; `f` as above. Rows that refer to nothing, or to a row that is not there, have no joined row.
  /// The result is kept in a store under the join's name, with a changelog; two topics, `<app>-<name>-subscription-registration` and
  /// `-subscription-response`, and a store `<name>-subscriptions` beside the other table say who refers to whom. A change of the other
  /// table is joined with all rows that refer to it, and their new time is its own; a change here has the greater of both sides' times.
  /// The tables may have different partition counts. `foreign_key` must give equal results for equal rows.
  ///
  ///     orders.join(users, &Order::user_id, [](const Order& order, const User& user) { return Bill{order, user}; }, klamm::as("bills"))
  template <class K2, class W, class G, class F>
  requires(!std::is_same_v<F, Named>) auto join(const Table<K2, W>& other, G foreign_key, F f, Named named = {}) const {
    using namespace detail;
    constexpr bool refers = refers_v<G, K, V, K2>, fits = combines_v<F, K, const V&, const W&>;
    static_assert(refers,
                  "klamm: table.join(table, foreign_key, f): foreign_key must be const-callable with this table's value, or (key, value), "
                  "and return a key of the other table, or std::optional of one");
    static_assert(fits || !refers,
                  "klamm: table.join(table, foreign_key, f): f must be const-callable with (value, other value) or (key, value, other "
                  "value) and return the new value");
    if constexpr (refers && fits) {
      constexpr bool ok = kept_v<typename TableJoiner<Sides::both, F, K, V, W>::Result> && has_serde_v<W>;
      static_assert(ok,
                    "klamm: table.join(table, foreign_key, f): what f returns is kept and the other table's values are sent: f must return "
                    "a default-constructible value that owns what it holds and is no std::optional, and both types need klamm::serde");
      if constexpr (ok)
        return foreign_key_joined<Sides::both>("join", *this, other, std::move(foreign_key), std::move(f), named);
      else
        return Inert{};
    } else {
      return Inert{};
    }
  }

  /// The same, with a row for each of this table: `f(value, const OtherValue*)` or `f(key, value, const OtherValue*)` gets null where it
  /// refers to nothing, or to a row that is not there.
  ///
  ///     orders.left_join(users, &Order::user_id, [](const Order& order, const User* user) { return user ? user->name : "unknown"; })
  template <class K2, class W, class G, class F>
  requires(!std::is_same_v<F, Named>) auto left_join(const Table<K2, W>& other, G foreign_key, F f, Named named = {}) const {
    using namespace detail;
    constexpr bool refers = refers_v<G, K, V, K2>, fits = combines_v<F, K, const V&, const W*>;
    static_assert(refers,
                  "klamm: table.left_join(table, foreign_key, f): foreign_key must be const-callable with this table's value, or (key, "
                  "value), and return a key of the other table, or std::optional of one");
    static_assert(fits || !refers,
                  "klamm: table.left_join(table, foreign_key, f): f must be const-callable with (value, const OtherValue*) or (key, value, "
                  "const OtherValue*) and return the new value");
    if constexpr (refers && fits) {
      constexpr bool ok = kept_v<typename TableJoiner<Sides::left, F, K, V, W>::Result> && has_serde_v<W>;
      static_assert(
          ok,
          "klamm: table.left_join(table, foreign_key, f): what f returns is kept and the other table's values are sent: f must return a "
          "default-constructible value that owns what it holds and is no std::optional, and both types need klamm::serde");
      if constexpr (ok)
        return foreign_key_joined<Sides::left>("left_join", *this, other, std::move(foreign_key), std::move(f), named);
      else
        return Inert{};
    } else {
      return Inert{};
    }
  }

  /// Groups the rows by a new key, or, if `f` returns KeyValue, by a new key with a new value. Key and value go through a repartition
  /// topic, so they need serdes. Rows whose new key or value is null are in no group. `f` must give equal results for equal rows: it is
  /// asked again for a row's old value when that changes.
  ///
  ///     users.group_by(&User::country).count("users-per-country")
  template <class F> auto group_by(F f, Named named = {}) const {
    using namespace detail;
    constexpr bool callable = callable_v<F, K, const V&> && returns_value_v<F, K, const V&>;
    static_assert(accepts_v<F, K, const V&>,
                  "klamm: table.group_by(f): f must accept this table's value, or (key, value), or be with_record(f)");
    static_assert(const_callable_v<F, K, const V&>,
                  "klamm: table.group_by(f): f is shared by all tasks and must be const-callable (no mutable lambda): use per_task");
    static_assert(returns_value_v<F, K, const V&>, "klamm: table.group_by(f): f must return the new key, or a KeyValue");
    if constexpr (callable) {
      using R = std::remove_cvref_t<result_t<F, K, const V&>>;
      using Key = typename Selection<R, V>::Key;
      using Value = typename Selection<R, V>::Value;
      constexpr bool owned = owned_v<Key> && owned_v<Value>, slots = slot_v<R>, serdes = has_serde_v<Key> && has_serde_v<Value>;
      static_assert(slots, "klamm: table.group_by(f): key and value are kept in slots and must be default-constructible");
      static_assert(owned || !slots,
                    "klamm: table.group_by(f): key and value outlive their record and must own what they hold: no string_view, no span");
      static_assert(serdes || !owned || !slots,
                    "klamm: table.group_by(f): key and value go through a repartition topic, so their types need klamm::serde");
      if constexpr (owned && slots && serdes)
        return regrouped<R>(std::move(f), named);
      else
        return Inert{};
    } else {
      return Inert{};
    }
  }

  /// Holds changes back: of each key only the last within a time goes on, with the old value that went on before. They go on in the order
  /// of (time, key bytes), when stream time, the greatest of the changes that come here, has moved on by that much since the first of them.
  /// Whoever looks keys up behind it sees what has gone on. What is held back is kept in a store with a changelog, `<table>-suppress` if no
  /// name is given.
  ///
  ///     counts.suppress(klamm::until_time_limit(10s, klamm::max_records(100'000).emit_early())).to(out)
  template <class Until> auto suppress(const Until& until, Named named = {}) const {
    using namespace detail;
    constexpr bool limit = until_limit_v<Until>, bounded = suppress_bounded_v<Until>, ok = limit && bounded && has_serde_v<V>;
    static_assert(!until_closes_v<Until>,
                  "klamm: table.suppress(until_window_closes()): only the windows of windowed tables close: use until_time_limit(time)");
    static_assert(limit || until_closes_v<Until>,
                  "klamm: table.suppress(until): until must be until_time_limit(time), or for windowed tables until_window_closes()");
    static_assert(bounded || !limit, "klamm: table.suppress(until): say what happens when the limit is reached: .emit_early(), or .stop()");
    static_assert(has_serde_v<V> || !bounded || !limit,
                  "klamm: table.suppress(until): what is held back has a changelog, so the value type needs klamm::serde<Value>");
    if constexpr (ok)
      return suppressed<false>(until.time.milliseconds(), limit_of(until.limit), named);
    else
      return Inert{};
  }

  /// New values as a stream; deletions are left out.
  auto upserts(Named named = {}) const { return read<V>("upserts", detail::Upserts<V>{}, named); }

  /// All changes as a stream; a deletion is nullopt.
  auto to_stream(Named named = {}) const { return read<std::optional<V>>("to_stream", detail::Changes<V>{}, named); }

  /// All changes as a stream, each with the value before and the value now; the Update owns both. A deletion of a key that was not there
  /// has neither.
  ///
  ///     balances.changes().filter([](const klamm::Update<double>& u) { return u.new_value() && *u.new_value() < 0; })
  auto changes(Named named = {}) const {
    detail::wants_old_values(*place_.graph, place_.node);
    return read<Update<V>>("changes", detail::Updates<V>{}, named);
  }

  /// Writes every change to a topic, deletions as tombstones.
  template <class TK, class TV> void to(const Topic<TK, TV>& topic, Named named = {}) const {
    using namespace detail;
    constexpr bool key_fits = topic_takes_v<TK, K>, value_fits = topic_takes_v<TV, V>;
    static_assert(key_fits, "klamm: table.to(topic): the topic has another key type than the table");
    static_assert(value_fits || !key_fits, "klamm: table.to(topic): the topic has another value type than the table");
    static_assert(has_serde_v<V> || !value_fits || !key_fits, "klamm: table.to(topic): the value type needs klamm::serde<Value>");
    if constexpr (key_fits && value_fits && has_serde_v<V>) {
      using Chain = Then<Here<K, Change<V>>, WriteChange<TK>>;
      const NodeId sink = add_sink(*place_.graph, place_.node, topic.info(), named);
      detail::commit<K, V>({place_.graph, sink, place_.node}, Chain{{}, {{{}, nullptr, parts_of(*place_.graph, topic.info())}}});
    }
  }

  /// Gives the handle to `f` and returns what that returns.
  template <class F> decltype(auto) apply(F&& f) const { return static_cast<F&&>(f)(*this); }

 private:
  template <class, class, class> friend class Stream;
  template <class, class> friend class GroupedStream;
  template <class, class> friend class GroupedTable;
  template <class, class> friend class Table;
  template <class, class, class> friend class WindowedStream;
  template <class, class> friend class WindowedTable;
  friend class Topology;
  friend class App;
  friend struct detail::Handles;
  friend class TestDriver;
  explicit Table(const detail::Place& place) : place_{place} {}

  template <class Out, class Op> auto read(const char* kind, Op op, const Named& named) const {
    using Chain = detail::Then<detail::Here<K, detail::Change<V>>, Op>;
    const detail::NodeId node = detail::add_operator(*place_.graph, kind, place_.node, named);
    return Stream<K, Out, Chain>{{place_.graph, node, place_.node}, Chain{{}, std::move(op)}};
  }
  template <class R, class F> auto regrouped(F f, const Named& named) const {
    using namespace detail;
    using Op = Regroup<F, R, V>;
    using Chain = Then<Here<K, Change<V>>, Op>;
    using Key = typename Op::Key;
    using Value = typename Op::Side::Value;
    Graph& graph = *place_.graph;
    const NodeId node = add_operator(graph, "group_by", place_.node, named, Rekeys::yes);
    wants_old_values(graph, place_.node);
    detail::commit<Key, Update<Value>>({&graph, node, place_.node}, Chain{{}, make_op<Op>(node, std::move(f))});
    return GroupedTable<Key, Value>{{&graph, node, node}};
  }
  template <class R, class Stage, class F> Table<K, R> view(const char* kind, F f, const Named& named) const {
    detail::Graph& graph = *place_.graph;
    const detail::NodeId node = detail::add_view(graph, kind, place_.node, named);
    detail::commit_stage(graph, node, place_.node, new Stage(place_.node, std::move(f)));
    return Table<K, R>{{place_.graph, node, node}};
  }

  template <bool Final> Table suppressed(std::int64_t hold, const detail::BufferLimit& limit, const Named& named) const {
    using namespace detail;
    Graph& graph = *place_.graph;
    const NodeId node = add_suppress(graph, place_.node, hold, limit,
                                     {.name = {},
                                      .make = &new_ordered_store<Update<V>>,
                                      .schemas = {held_schema(detail::schema_of<K>()), detail::schema_of<Update<V>>()},
                                      .order = {Tail::window, true, 0}},
                                     named);
    commit_stage(graph, node, place_.node, new SuppressStage<K, V, Final>({place_.node, store_of(graph, node), hold, limit}));
    return Table{{place_.graph, node, node}};
  }

  detail::Place place_;
};

}  // namespace klamm::inline v0
