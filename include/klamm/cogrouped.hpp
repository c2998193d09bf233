#pragma once

#include <string>
#include <utility>

#include "klamm/detail/ops/cogroup.hpp"
#include "klamm/windowed.hpp"

namespace klamm::inline v0 {

template <class K, class V> class GroupedStream;

namespace detail {

/// The inputs of a cogroup, the last one first.
struct NoInputs {
  static constexpr unsigned count = 0;
  template <class, class> static constexpr bool fits_v = true;
};
template <class Before, class V, class F> struct CogroupInputs {
  static constexpr unsigned count = Before::count + 1;
  template <class K, class A>
  static constexpr bool fits_v = Before::template fits_v<K, A> && (folds_v<F, K, V, A> || folds_v<F, K, plain_t<V>, A>);

  Before before;
  F f;
  Place place;

  /// Adds the way of each input to where they come together; returns that.
  template <class K, class A, bool Windowed> NodeId join(const std::string& table, const Named& named) const {
    Graph& graph = *place.graph;
    const std::string name = count == 1 ? table : table + '-' + std::to_string(count);
    const Named unnamed{nullptr, named.file, named.line};
    const NodeId input = co_partition<K, V>(place, name, unnamed);
    const NodeId node = add_operator(graph, "cogroup", input, unnamed);
    // Windows take null values, a plain table doesn't.
    using Op = ToStep<F, A, Windowed && optional_v<V> && folds_v<F, K, V, A>>;
    Op op = make_op<Op>(node, F{f});
    op.input = count - 1;
    using Chain = Then<Here<K, V>, Op>;
    detail::commit<K, CogroupStep<K, A>>({&graph, node, input}, Chain{{}, std::move(op)});
    if constexpr (Before::count == 0) {
      const NodeId merge = add_operator(graph, "merge", node, unnamed);
      make_alias(graph, merge);
      return merge;
    } else {
      const NodeId merge = before.template join<K, A, Windowed>(table, named);
      add_input(graph, merge, node);
      return merge;
    }
  }
};

}  // namespace detail

/// What a windowed cogroup gives: see `CogroupedStream`.
template <class K, class Inputs, class W> class [[nodiscard]] WindowedCogroup {
 public:
  /// As `CogroupedStream::aggregate`, in windows; session windows need `.merge(f)` too. A record is late by the times of its own input.
  /// Where V is optional, functions that accept `const V&` are shown null values.
  template <class A, class F, class U, class M> auto aggregate(const TableSpec<A, F, U, M>& table, Named named = {}) const {
    using namespace detail;
    constexpr bool keeps = kept_v<A>, used = !said_v<F> && !said_v<U> && (W::sessions || !said_v<M>);
    constexpr bool fits = Inputs::template fits_v<K, A>, merges = !W::sessions || merges_v<M, A>;
    static_assert(keeps,
                  "klamm: cogroup.aggregate(table): the table's type must own what it holds, have klamm::serde<A>, and be neither "
                  "std::optional nor aligned to more than 8 bytes");
    static_assert(
        fits || !keeps,
        "klamm: cogroup.aggregate(table): each function given to cogroup must be const-callable as f(A&, value), f(A&, key, value) or "
        "with_record(f(A&, record)) and return nothing or klamm::Entry");
    static_assert(
        merges || !fits || !keeps,
        "klamm: cogroup.aggregate(table): sessions that come together become one, so the table needs merge(f): f(A&, const A&), or A "
        "f(const A&, const A&)");
    static_assert(
        used || !merges || !fits || !keeps,
        "klamm: cogroup.aggregate(table): the functions are cogroup's, beside merge(f) for sessions, so the table's fold, unfold or "
        "merge would never be called: leave it out");
    if constexpr (keeps && fits && merges && used) {
      Graph& graph = *inputs_.place.graph;
      if (table.emits() == Emit::on_window_close)
        problem(graph, named,
                "table \"" + table.name() +
                    "\": Emit::on_window_close: each input of a cogroup has a stream time of its own: use suppress(until_window_closes())");
      const NodeId merge = inputs_.template join<K, A, true>(table.name(), named);
      using Step = CogroupStep<K, A>;
      return WindowedStream<K, Step, W>{{&graph, merge, merge}, windows_, Inputs::count}.template keep<A, Step>(
          "cogroup", table, table.start(), StepUpdate{}, FoldMerge<M>{table.merge_function()}, named);
    } else {
      return Inert{};
    }
  }

 private:
  template <class, class> friend class CogroupedStream;
  WindowedCogroup(Inputs inputs, const W& windows) : inputs_{std::move(inputs)}, windows_{windows} {}

  Inputs inputs_;
  W windows_;
};

/// What cogroup gives: several grouped streams of one key type, of values of their own types, each with the function that folds them into
/// one table. Null keys and values are dropped and counted.
///
///     clicks.group_by_key().cogroup(add_click).cogroup(purchases.group_by(&Purchase::user), add_purchase)
///         .aggregate(klamm::table<Profile>("profiles"))
template <class K, class Inputs> class [[nodiscard]] CogroupedStream {
 public:
  /// Adds another input.
  template <class V, class F> auto cogroup(const GroupedStream<K, V>& other, F f) const {
    using More = detail::CogroupInputs<Inputs, V, F>;
    if (other.place_.graph != inputs_.place.graph) detail::problem_two_topologies(*inputs_.place.graph, "cogroup", Named{});
    return CogroupedStream<K, More>{More{inputs_, std::move(f), other.place_}};
  }

  /// Puts the records into windows.
  template <class W> auto windowed_by(const W& windows, Named named = {}) const {
    using namespace detail;
    static_assert(windows_v<W> || ungraced_v<W>,
                  "klamm: windowed_by(windows): windows must be made by tumbling, hopping, sliding or session");
    static_assert(!ungraced_v<W>, "klamm: windowed_by(windows): say how long windows wait for late records: .grace(time), or .no_grace()");
    if constexpr (windows_v<W>) {
      check_windows(*inputs_.place.graph, problem_of(windows), named);
      return WindowedCogroup<K, Inputs, W>{inputs_, windows};
    } else {
      return Inert{};
    }
  }

  /// Keeps the table; its spec has no fold, for the functions are cogroup's.
  template <class A, class F, class U, class M> auto aggregate(const TableSpec<A, F, U, M>& table, Named named = {}) const {
    using namespace detail;
    constexpr bool keeps = kept_v<A>, used = !said_v<F> && !said_v<U> && !said_v<M>, fits = Inputs::template fits_v<K, A>;
    static_assert(keeps,
                  "klamm: cogroup.aggregate(table): the table's type must own what it holds, have klamm::serde<A>, and be neither "
                  "std::optional nor aligned to more than 8 bytes");
    static_assert(
        fits || !keeps,
        "klamm: cogroup.aggregate(table): each function given to cogroup must be const-callable as f(A&, value), f(A&, key, value) or "
        "with_record(f(A&, record)) and return nothing or klamm::Entry");
    static_assert(
        used || !fits || !keeps,
        "klamm: cogroup.aggregate(table): the functions are cogroup's, beside merge(f) for sessions, so the table's fold, unfold or "
        "merge would never be called: leave it out");
    if constexpr (keeps && fits && used) {
      Graph& graph = *inputs_.place.graph;
      const NodeId merge = inputs_.template join<K, A, false>(table.name(), named);
      return GroupedStream<K, CogroupStep<K, A>>{{&graph, merge, merge}}.template keep<A>("cogroup", table, table.start(), StepUpdate{},
                                                                                          named);
    } else {
      return Inert{};
    }
  }

 private:
  template <class, class> friend class GroupedStream;
  template <class, class> friend class CogroupedStream;
  explicit CogroupedStream(Inputs inputs) : inputs_{std::move(inputs)} {}

  Inputs inputs_;
};

}  // namespace klamm::inline v0
