#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "klamm/detail/fields.hpp"
#include "klamm/record.hpp"

namespace klamm::inline v0 {

namespace detail {
template <class T> constexpr bool has_borrowed_field();
}

/// Whether a value points into the record it came from, and so must not be kept. Plain structs with such a field are known; specialise it
/// for other views of your own:
///
///     template <> inline constexpr bool klamm::borrowed_v<LineView> = true;
template <class T> constexpr bool borrowed_v = detail::has_borrowed_field<T>();
template <> inline constexpr bool borrowed_v<std::string_view> = true;
template <class T, std::size_t N> constexpr bool borrowed_v<std::span<T, N>> = true;
template <class T> constexpr bool borrowed_v<std::optional<T>> = borrowed_v<T>;
template <class T> constexpr bool borrowed_v<std::vector<T>> = borrowed_v<T>;
template <class T, std::size_t N> constexpr bool borrowed_v<std::array<T, N>> = borrowed_v<T>;
template <class A, class B> constexpr bool borrowed_v<std::pair<A, B>> = borrowed_v<A> || borrowed_v<B>;
template <class K, class V> constexpr bool borrowed_v<KeyValue<K, V>> = borrowed_v<K> || borrowed_v<V>;

namespace detail {

/// Stands for a view of any type, or for nothing, in `T{…}`.
struct AnyBorrowed {
  template <class F>
  requires(borrowed_v<F>) operator F() const;
};
struct Nothing {};

template <class T, class Field, std::size_t... Before> constexpr bool takes_behind(std::index_sequence<Before...>) {
  return requires { T{AnyFieldAt<Before>{}..., Field{}}; };
}
template <class T, std::size_t I = 0> constexpr bool has_borrowed_field_from() {
  using Before = std::make_index_sequence<I>;
  if constexpr (I >= most_fields || !takes_behind<T, AnyField>(Before{}))
    return false;
  else if constexpr (takes_behind<T, AnyBorrowed>(Before{}) && !takes_behind<T, Nothing>(Before{}))  // some types take anything
    return true;
  else
    return has_borrowed_field_from<T, I + 1>();
}
template <class T> constexpr bool has_borrowed_field() {
  if constexpr (std::is_class_v<T> && std::is_aggregate_v<T>)
    return has_borrowed_field_from<T>();
  else
    return false;
}

}  // namespace detail

/// Allows `map` and `flat_map` to make views of an owning value: `.flat_map(borrow(words))`. `f` gets the value by const reference, which
/// stays as it is until the record is done with; the views must point into it and nowhere else.
template <class F> struct Borrow { F f; };
template <class F> Borrow<F> borrow(F f) { return {std::move(f)}; }

}  // namespace klamm::inline v0
