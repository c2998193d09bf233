#pragma once

#include <utility>

#include "klamm/cogrouped.hpp"

namespace klamm::inline v0 {

/// What group_by gives: records that belong together by key. A repartition topic appears only if the key changed and a table needs it;
/// tables of the same grouping share it. Records with a null key or, where V is optional, a null value are dropped and counted.
template <class K, class V> class [[nodiscard]] GroupedStream {
 public:
  using Value = detail::plain_t<V>;

  /// Sends the records through a topic of the user's, which then takes the place of the repartition topic.
  GroupedStream through(const Topic<K, V>& topic, Named named = {}) const {
    const detail::NodeId source =
        detail::add_through(*place_.graph, place_.node, topic.info(), named,
                            detail::make_sink<K, V>(detail::parts_of(*place_.graph, topic.info())), detail::make_source<K, V>());
    return GroupedStream{{place_.graph, source, source}};
  }

  /// Puts the records of each key into windows: made by tumbling, hopping, sliding or session, with a word on late records.
  ///
  ///     clicks.group_by_key().windowed_by(klamm::tumbling(1h).grace(5min)).count("clicks-per-hour")
  template <class W> auto windowed_by(const W& windows, Named named = {}) const {
    using namespace detail;
    static_assert(windows_v<W> || ungraced_v<W>,
                  "klamm: windowed_by(windows): windows must be made by tumbling, hopping, sliding or session");
    static_assert(!ungraced_v<W>, "klamm: windowed_by(windows): say how long windows wait for late records: .grace(time), or .no_grace()");
    if constexpr (windows_v<W>) {
      check_windows(*place_.graph, problem_of(windows), named);
      return WindowedStream<K, V, W>{place_, windows};
    } else {
      return Inert{};
    }
  }

  /// Begins a table of several grouped streams of this key type: `f(A&, value)` as a fold's.
  ///
  ///     clicks.group_by_key().cogroup(add_click).cogroup(views.group_by_key(), add_view).aggregate(klamm::table<Profile>("profiles"))
  template <class F> auto cogroup(F f) const {
    using Inputs = detail::CogroupInputs<detail::NoInputs, V, F>;
    return CogroupedStream<K, Inputs>{Inputs{{}, std::move(f), place_}};
  }

  /// Counts the records of each key.
  Table<K, std::int64_t> count(const TableName& table, Named named = {}) const {
    return keep<std::int64_t>("count", table, 0, detail::CountUpdate{}, named);
  }

  /// Combines the values of each key: `V f(const V&, const V&)` or `f(V& total, const V&)`.
  ///
  ///     prices.group_by_key().reduce("highest", [](double a, double b) { return a < b ? b : a; })
  template <class F> auto reduce(const TableName& table, F f, Named named = {}) const {
    constexpr bool ok = detail::reduces_v<F, Value> && detail::has_serde_v<Value>;
    static_assert(detail::reduces_v<F, Value>,
                  "klamm: reduce(name, f): f must be const-callable as V f(const V&, const V&) or void f(V& total, const V&)");
    static_assert(detail::has_serde_v<Value> || !detail::reduces_v<F, Value>,
                  "klamm: reduce(name, f): the table has a changelog, so the value type needs klamm::serde<Value>");
    if constexpr (ok)
      return keep<Value>("reduce", table, Value{}, detail::ReduceUpdate<F>{std::move(f)}, named);
    else
      return detail::Inert{};
  }

  /// Folds the values of each key into the table's A.
  ///
  ///     orders.group_by(&Order::user).aggregate(klamm::table<double>("spent").fold([](double& sum, const Order& o) { sum += o.amount; }))
  template <class A, class F, class U, class M> auto aggregate(const TableSpec<A, F, U, M>& table, Named named = {}) const {
    using namespace detail;
    constexpr bool fits = folds_v<F, K, Value, A>, used = !said_v<U> && !said_v<M>, ok = fits && used && kept_v<A>;
    static_assert(owned_v<A>,
                  "klamm: aggregate(table): the table's type is a view into a record, which does not outlive it: keep an owning type");
    static_assert(not_optional_v<A>,
                  "klamm: aggregate(table): the table's type must not be std::optional: a fold erases by returning Entry::erase");
    static_assert(alignof(A) <= 8, "klamm: aggregate(table): the table's type must not be aligned to more than 8 bytes");
    static_assert(has_serde_v<A> || !owned_v<A>, "klamm: aggregate(table): the table has a changelog, so its type needs klamm::serde<A>");
    static_assert(fits || !has_serde_v<A> || !not_optional_v<A> || !owned_v<A>,
                  "klamm: aggregate(table): the table's fold must be const-callable as f(A&, value), f(A&, key, value) or "
                  "with_record(f(A&, record)) and "
                  "return nothing or klamm::Entry");
    static_assert(
        used || !fits || !kept_v<A>,
        "klamm: aggregate(table): records leave no group and only sessions are merged, so the table's unfold or merge would never "
        "be called: leave it out");
    if constexpr (ok)
      return keep<A>("aggregate", table, table.start(), FoldUpdate<F>{{table.fold_function()}}, named);
    else
      return Inert{};
  }

 private:
  template <class, class, class> friend class Stream;
  template <class, class> friend class CogroupedStream;
  explicit GroupedStream(const detail::Place& place) : place_{place} {}

  Table<K, Value> put(const TableName& table, const Named& named) const {
    return keep<Value>("to_table", table, Value{}, detail::PutUpdate{}, named);
  }

  template <class A, class Spec, class Update>
  Table<K, A> keep(const char* kind, const Spec& spec, A start, Update update, const Named& named) const {
    using namespace detail;
    Graph& graph = *place_.graph;
    const NodeId input = co_partition<K, V>(place_, spec.name(), named);
    const NodeId node = add_table(
        graph, kind, input, {spec.name(), &new_store<A>, {schema_of<K>(), schema_of<A>()}, false, {}, spec.emits(), spec.retains()}, named);
    using Stage = TableStage<K, V, A, Update>;
    commit_stage(graph, node, input, new Stage(store_of(graph, node), spec.emits(), std::move(start), std::move(update)));
    return Table<K, A>{{place_.graph, node, node}};
  }

  detail::Place place_;
};

}  // namespace klamm::inline v0
