#pragma once

#include <optional>
#include <string>
#include <utility>

#include "klamm/detail/session_stage.hpp"
#include "klamm/detail/sliding_stage.hpp"
#include "klamm/detail/time_window_stage.hpp"
#include "klamm/table.hpp"
#include "klamm/window.hpp"

namespace klamm::inline v0 {

/// Handle of a table with a row for each window of each key: `Table<Windowed<K>, V>`, which in addition knows when a window is closed. Rows
/// go when stream time has passed the table's retention; nobody is told of that.
template <class K, class V> class WindowedTable : public Table<Windowed<K>, V> {
 public:
  /// As `Table::filter`, `filter_not` and `map`.
  template <class F> auto filter(F f, Named named = {}) const { return windowed(Base::filter(std::move(f), named)); }
  template <class F> auto filter_not(F f, Named named = {}) const { return windowed(Base::filter_not(std::move(f), named)); }
  template <class F> auto map(F f, Named named = {}) const { return windowed(Base::map(std::move(f), named)); }

  /// As `Table::suppress`; with until_window_closes() nothing of a window goes on before it is closed, and then only its final result.
  /// Tombstones end here. A limit must `stop()`: a result that came early would not be final.
  ///
  ///     counts.suppress(klamm::until_window_closes()).to(final_counts)
  template <class Until> auto suppress(const Until& until, Named named = {}) const {
    using namespace detail;
    if constexpr (until_closes_v<Until>) {
      constexpr bool bounded = suppress_bounded_v<Until>, strict = !closes_early_v<Until>, ok = bounded && strict && has_serde_v<V>;
      static_assert(strict, "klamm: table.suppress(until_window_closes(limit)): a result that came early would not be final: use .stop()");
      static_assert(bounded, "klamm: table.suppress(until): say what happens when the limit is reached: .emit_early(), or .stop()");
      static_assert(has_serde_v<V> || !bounded || !strict,
                    "klamm: table.suppress(until): what is held back has a changelog, so the value type needs klamm::serde<Value>");
      if constexpr (ok)
        return windowed(this->template suppressed<true>(shape_.hold, limit_of(until.limit), named));
      else
        return Inert{};
    } else {
      return windowed(Base::suppress(until, named));
    }
  }

  template <class F> decltype(auto) apply(F&& f) const { return static_cast<F&&>(f)(*this); }

 private:
  using Base = Table<Windowed<K>, V>;
  template <class, class, class> friend class WindowedStream;
  template <class, class> friend class WindowedTable;
  friend class App;
  friend class TestDriver;
  WindowedTable(const Base& table, const detail::WindowShape& shape) : Base{table}, shape_{shape} {}

  template <class R> WindowedTable<K, R> windowed(const Table<Windowed<K>, R>& table) const { return {table, shape_}; }
  detail::Inert windowed(detail::Inert) const { return {}; }

  detail::WindowShape shape_;
};

namespace detail {

/// A reduce that is shown null values.
template <class F> struct NullableReduce {
  F f;
  template <class A, class K> Entry operator()(A& total, bool added, const K&, const std::optional<A>& value, RecordContext&) const {
    if (added) {
      if (!value) return Entry::erase;
      total = *value;
      return Entry::keep;
    }
    using R = std::invoke_result_t<const F&, A&, const std::optional<A>&>;
    if constexpr (std::is_void_v<R>) {
      invoke(f, total, value);
    } else if constexpr (optional_v<std::remove_cvref_t<R>>) {
      auto result = invoke(f, total, value);
      if (!result) return Entry::erase;
      total = *std::move(result);
    } else {
      total = invoke(f, total, value);
    }
    return Entry::keep;
  }
};

template <class M, class A> constexpr bool merges() {
  if constexpr (std::is_invocable_v<const M&, A&, const A&>) {
    using R = std::invoke_result_t<const M&, A&, const A&>;
    return std::is_void_v<R> || std::is_convertible_v<R, A>;
  } else {
    return false;
  }
}
template <class M, class A> constexpr bool merges_v = merges<M, A>();

/// Whether a reduce's function takes null values.
template <class F, class V> constexpr bool takes_optional_v = optional_v<V>&& std::is_invocable_v<const F&, plain_t<V>&, const V&>;

}  // namespace detail

/// What windowed_by gives: the records of each key, in the windows that cover their times. Stream time is the greatest time that has come
/// here; a record is late for the windows that have closed by it: dropped there, and counted with how late it was.
///
/// Null keys are dropped and counted. Null values, where V is optional: a count counts them, but not in sliding windows; folds and reduce
/// functions that accept `const V&` are shown them; for others they are dropped and counted.
///
/// Tables are created with a changelog whose keys are Kafka Streams' (`key  start:8  number:4`, for sessions `key  end:8  start:8`), cut
/// off as windows expire. Their options: `.retention(time)`, in stream time, at least size + grace (sliding: twice the difference + grace,
/// sessions: gap + grace), which is also what it is if not said; `.emit(Emit::on_window_close)` to be told of each window once, when it
/// closes.
template <class K, class V, class W> class [[nodiscard]] WindowedStream {
 public:
  using Value = detail::plain_t<V>;

  /// Counts the records of each window.
  ///
  ///     clicks.group_by_key().windowed_by(klamm::tumbling(1h).grace(5min)).count("clicks-per-hour")
  auto count(const TableName& table, Named named = {}) const {
    using namespace detail;
    using In = std::conditional_t<std::is_same_v<W, SlidingWindows>, Value, V>;
    return keep<std::int64_t, In>("count", table, 0, CountUpdate{}, CountMerge{}, named);
  }

  /// Combines the values of each window: `V f(const V&, const V&)` or `f(V& total, const V&)`. Sessions are merged by it too.
  template <class F> auto reduce(const TableName& table, F f, Named named = {}) const {
    using namespace detail;
    constexpr bool nulls = takes_optional_v<F, V>, callable = nulls || reduces_v<F, Value>, ok = callable && has_serde_v<Value>;
    static_assert(callable,
                  "klamm: windows.reduce(name, f): f must be const-callable as V f(const V&, const V&) or void f(V& total, const V&)");
    static_assert(has_serde_v<Value> || !callable,
                  "klamm: windows.reduce(name, f): the table has a changelog, so the value type needs klamm::serde<Value>");
    if constexpr (ok && nulls)
      return keep<Value, V>("reduce", table, Value{}, NullableReduce<F>{f}, ReduceMerge<F>{f}, named);
    else if constexpr (ok)
      return keep<Value, Value>("reduce", table, Value{}, ReduceUpdate<F>{f}, ReduceMerge<F>{f}, named);
    else
      return Inert{};
  }

  /// Folds the values of each window into the table's A. Session windows need `.merge(f)` too, for sessions that become one.
  ///
  ///     orders.group_by(&Order::user).windowed_by(klamm::session(30min).no_grace())
  ///         .aggregate(klamm::table<Basket>("baskets").fold(add_order).merge(add_basket))
  template <class A, class F, class U, class M> auto aggregate(const TableSpec<A, F, U, M>& table, Named named = {}) const {
    using namespace detail;
    constexpr bool keeps = kept_v<A>, used = !said_v<U> && (W::sessions || !said_v<M>);
    constexpr bool nulls = optional_v<V> && folds_v<F, K, V, A>, fits = nulls || folds_v<F, K, Value, A>;
    constexpr bool merges = !W::sessions || merges_v<M, A>;
    static_assert(keeps,
                  "klamm: windows.aggregate(table): the table's type must own what it holds, have klamm::serde<A>, and be neither "
                  "std::optional nor aligned to more than 8 bytes");
    static_assert(fits || !keeps,
                  "klamm: windows.aggregate(table): the table's fold must be const-callable as f(A&, value), f(A&, key, value) or "
                  "with_record(f(A&, record)) and return nothing or klamm::Entry");
    static_assert(
        merges || !fits || !keeps,
        "klamm: windows.aggregate(table): sessions that come together become one, so the table needs merge(f) beside fold(f): f(A&, "
        "const A&), or A f(const A&, const A&)");
    static_assert(
        used || !merges || !fits || !keeps,
        "klamm: windows.aggregate(table): records leave no window and only sessions are merged, so the table's unfold or merge would "
        "never be called: leave it out");
    if constexpr (keeps && fits && merges && used)
      return keep<A, std::conditional_t<nulls, V, Value>>("aggregate", table, table.start(), FoldUpdate<F>{{table.fold_function()}},
                                                          FoldMerge<M>{table.merge_function()}, named);
    else
      return Inert{};
  }

 private:
  template <class, class> friend class GroupedStream;
  template <class, class, class> friend class WindowedCogroup;
  WindowedStream(const detail::Place& place, const W& windows, unsigned inputs = 1) : place_{place}, windows_{windows}, inputs_{inputs} {}

  template <class A, class In, class Spec, class Update, class Merge>
  WindowedTable<K, A> keep(const char* kind, const Spec& spec, A start, Update update, Merge merge, const Named& named) const {
    using namespace detail;
    Graph& graph = *place_.graph;
    const NodeId input = co_partition<K, V>(place_, spec.name(), named);
    const std::int64_t retention =
        retention_of(graph, spec.name(), spec.retains(), windows_.least_retention(), windows_.row_retention(), named);
    const RowOrder order{W::tail, spec.emits() == Emit::on_window_close, segment_of(retention)};
    const NodeId node = add_table(graph, kind, input,
                                  {.name = spec.name(),
                                   .make = &new_ordered_store<A>,
                                   .schemas = {window_schema(detail::schema_of<K>(), schema_of(windows_), order), detail::schema_of<A>()},
                                   .order = order,
                                   .emit = spec.emits(),
                                   .retention = spec.retains()},
                                  named);
    const WindowShape shape{windows_.hold(), windows_.length(), W::sessions, order.segment_ms,
                            window_schema(detail::schema_of<K>(), schema_of(windows_), order)};
    const WindowedTableSpec<W> table{windows_, store_of(graph, node), spec.emits(), retention, inputs_};
    commit_stage(graph, node, input, stage<In>(table, std::move(start), std::move(update), std::move(merge)));
    return WindowedTable<K, A>{Table<Windowed<K>, A>{{place_.graph, node, node}}, shape};
  }
  template <class In, class A, class Update, class Merge>
  static detail::Stage* stage(const detail::WindowedTableSpec<W>& table, A start, Update update, Merge merge) {
    using namespace detail;
    if constexpr (W::sessions)
      return new SessionStage<K, V, In, A, Update, Merge>(table, std::move(start), std::move(update), std::move(merge));
    else if constexpr (std::is_same_v<W, SlidingWindows>)
      return new SlidingStage<K, V, In, A, Update>(table, std::move(start), std::move(update));
    else
      return new TimeWindowStage<K, V, In, A, Update>(table, std::move(start), std::move(update));
  }

  detail::Place place_;
  W windows_;
  unsigned inputs_;
};

}  // namespace klamm::inline v0
