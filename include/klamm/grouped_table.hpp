#pragma once

#include <utility>

#include "klamm/detail/grouped_table_stage.hpp"
#include "klamm/table.hpp"

namespace klamm::inline v0 {

/// What `table.group_by(f)` gives: rows that belong together by a new key. Each change of a row is taken back from the group in which it
/// was and added to the one in which it is, through a repartition topic that carries old and new value; tables of the same grouping share
/// it. A row that stays in its group changes it once. A group's time is the greatest of its records'.
template <class K, class V> class [[nodiscard]] GroupedTable {
 public:
  /// Sends the changes through a topic of the user's, which then takes the place of the repartition topic.
  GroupedTable through(const Topic<K, Update<V>>& topic, Named named = {}) const {
    using namespace detail;
    const NodeId source = add_through(*place_.graph, place_.node, topic.info(), named,
                                      make_sink<K, Update<V>>(parts_of(*place_.graph, topic.info())), make_source<K, Update<V>>());
    return GroupedTable{{place_.graph, source, source}};
  }

  /// Counts the rows of each group. A group without rows any more stays, at 0.
  ///
  ///     users.group_by(&User::country).count("users-per-country")
  Table<K, std::int64_t> count(const TableName& table, Named named = {}) const {
    using namespace detail;
    return keep<std::int64_t>("count", table, 0, AddSubtract<CountUpdate, CountDown>{}, named);
  }

  /// Combines the values of each group: `add` takes one in, `subtract` takes one out, each as `V f(const V& total, const V&)` or
  /// `f(V& total, const V&)`. The first value of a group is its total.
  ///
  ///     balances.group_by(owner_of).reduce("wealth", std::plus{}, std::minus{})
  template <class F, class G> auto reduce(const TableName& table, F add, G subtract, Named named = {}) const {
    using namespace detail;
    constexpr bool ok = reduces_v<F, V> && reduces_v<G, V>;
    static_assert(
        reduces_v<F, V>,
        "klamm: reduce(name, add, subtract): add must be const-callable as V f(const V&, const V&) or void f(V& total, const V&)");
    static_assert(
        reduces_v<G, V> || !reduces_v<F, V>,
        "klamm: reduce(name, add, subtract): subtract must be const-callable as V f(const V&, const V&) or void f(V& total, const V&)");
    if constexpr (ok)
      return keep<V>("reduce", table, V{}, AddSubtract<ReduceUpdate<F>, ReduceUpdate<G>>{{std::move(add)}, {std::move(subtract)}}, named);
    else
      return Inert{};
  }

  /// Folds the values of each group into the table's A, and unfolds what leaves it.
  ///
  ///     auto sums = klamm::table<double>("sums").fold([](double& s, double v) { s += v; }).unfold([](double& s, double v) { s -= v; });
  ///     balances.group_by(&owner).aggregate(sums)
  template <class A, class F, class U, class M> auto aggregate(const TableSpec<A, F, U, M>& table, Named named = {}) const {
    using namespace detail;
    constexpr bool undoes = said_v<U>, used = !said_v<M>, fits = folds_v<F, K, V, A> && folds_v<U, K, V, A>, keeps = kept_v<A>;
    static_assert(
        keeps,
        "klamm: aggregate(table): the table's type must own what it holds, have klamm::serde<A>, and be neither std::optional nor "
        "aligned to more than 8 bytes");
    static_assert(undoes || !keeps,
                  "klamm: aggregate(table): rows leave their group when they change, so the table needs unfold(f) beside fold(f)");
    static_assert(fits || !undoes || !keeps,
                  "klamm: aggregate(table): the table's fold and unfold must be const-callable as f(A&, value), f(A&, key, value) or "
                  "with_record(f(A&, record)) and return nothing or klamm::Entry");
    static_assert(used || !fits || !undoes || !keeps,
                  "klamm: aggregate(table): only sessions are merged, so the table's merge would never be called: leave it out");
    if constexpr (keeps && fits && undoes && used) {
      using Functions = AddSubtract<FoldUpdate<F>, FoldUpdate<U>>;
      return keep<A>("aggregate", table, table.start(), Functions{{{table.fold_function()}}, {{table.unfold_function()}}}, named);
    } else {
      return Inert{};
    }
  }

 private:
  template <class, class> friend class Table;
  explicit GroupedTable(const detail::Place& place) : place_{place} {}

  template <class A, class Spec, class Functions>
  Table<K, A> keep(const char* kind, const Spec& spec, A start, Functions functions, const Named& named) const {
    using namespace detail;
    Graph& graph = *place_.graph;
    const NodeId input = co_partition<K, Update<V>>(place_, spec.name(), named);
    const NodeId node = add_table(
        graph, kind, input, {spec.name(), &new_store<A>, {schema_of<K>(), schema_of<A>()}, false, {}, spec.emits(), spec.retains()}, named);
    using Stage = GroupedTableStage<K, V, A, Functions>;
    commit_stage(graph, node, input, new Stage(store_of(graph, node), spec.emits(), std::move(start), std::move(functions)));
    return Table<K, A>{{place_.graph, node, node}};
  }

  detail::Place place_;
};

}  // namespace klamm::inline v0
