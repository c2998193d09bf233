#pragma once

#include <type_traits>
#include <utility>

#include "klamm/detail/speak.hpp"
#include "klamm/serde.hpp"
#include "klamm/table_name.hpp"

namespace klamm::inline v0 {

namespace detail {
struct NoFold {};
template <class F> constexpr bool said_v = !std::is_same_v<F, NoFold>;
/// Whether a table can keep rows of T.
template <class T> constexpr bool kept_v = owned_v<T>&& slot_v<T>&& not_optional_v<T> && alignof(T) <= 8 && has_serde_v<T>;
}  // namespace detail

/// What a table keeps: its name, the start value, the fold. A value, made with `klamm::table<A>("name")`.
///
///     auto revenue = klamm::table<double>("revenue").fold([](double& sum, const Order& order) { sum += order.amount; });
template <class A, class F = detail::NoFold, class U = detail::NoFold, class M = detail::NoFold> class TableSpec {
 public:
  TableSpec(TableName name, A start, F f, U u, M m)
      : fold_{std::move(f)}, unfold_{std::move(u)}, merge_{std::move(m)}, start_{std::move(start)}, name_{std::move(name)} {}

  /// The value of a key before its first record; A{} if not said.
  [[nodiscard]] TableSpec starting_at(A start) const { return {name_, std::move(start), fold_, unfold_, merge_}; }
  /// `f(A&, value)`, `f(A&, key, value)` or with_record(f); returns nothing, or an Entry: keep or erase.
  template <class G> [[nodiscard]] TableSpec<A, G, U, M> fold(G g) const { return {name_, start_, std::move(g), unfold_, merge_}; }
  /// The reverse, for groups of a table's rows: takes a value out. Called only where the group exists.
  template <class G> [[nodiscard]] TableSpec<A, F, G, M> unfold(G g) const { return {name_, start_, fold_, std::move(g), merge_}; }
  /// For session windows: adds another session's value, `f(A&, const A&)` or `A f(const A&, const A&)`. A new session begins with the start
  /// value, takes the sessions it joins in the order of their ends, and then its record.
  template <class G> [[nodiscard]] TableSpec<A, F, U, G> merge(G g) const { return {name_, start_, fold_, unfold_, std::move(g)}; }
  /// When the table tells of its changes; every one at once if not said.
  [[nodiscard]] TableSpec emit(Emit when) const { return {name_.emit(when), start_, fold_, unfold_, merge_}; }
  /// How long a windowed table keeps its rows, in stream time; as long as they may change if not said.
  [[nodiscard]] TableSpec retention(Duration time) const { return {name_.retention(time), start_, fold_, unfold_, merge_}; }

  [[nodiscard]] const std::string& name() const { return name_.name(); }
  [[nodiscard]] Emit emits() const { return name_.emits(); }
  [[nodiscard]] Duration retains() const { return name_.retains(); }
  [[nodiscard]] const A& start() const { return start_; }
  [[nodiscard]] const F& fold_function() const { return fold_; }
  [[nodiscard]] const U& unfold_function() const { return unfold_; }
  [[nodiscard]] const M& merge_function() const { return merge_; }

 private:
  F fold_;  // functions first, for the reason that `detail::Fence` gives
  U unfold_;
  M merge_;
  A start_;
  TableName name_;
};

/// A table that keeps an A for each key; A needs a serde, because tables have changelogs.
template <class A> auto table(const char* name) {
  static_assert(detail::default_constructible_v<A>,
                "klamm: table<A>(name): the table's type is kept in slots and must be default-constructible");
  if constexpr (detail::default_constructible_v<A>)
    return TableSpec<A>{TableName{name}, A{}, {}, {}, {}};
  else
    return detail::Inert{};
}
/// A table whose type follows from its use: `.count(klamm::table("clicks"))`.
inline TableName table(const char* name) { return {name}; }

}  // namespace klamm::inline v0
