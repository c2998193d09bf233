#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "klamm/record.hpp"

namespace klamm::inline v0 {

/// Whether a value points into the record it came from, and so must not be kept. Specialise it for your own views:
///
///     template <> inline constexpr bool klamm::borrowed_v<LineView> = true;
template <class T> constexpr bool borrowed_v = false;
template <> inline constexpr bool borrowed_v<std::string_view> = true;
template <class T, std::size_t N> constexpr bool borrowed_v<std::span<T, N>> = true;
template <class T> constexpr bool borrowed_v<std::optional<T>> = borrowed_v<T>;
template <class T> constexpr bool borrowed_v<std::vector<T>> = borrowed_v<T>;
template <class T, std::size_t N> constexpr bool borrowed_v<std::array<T, N>> = borrowed_v<T>;
template <class A, class B> constexpr bool borrowed_v<std::pair<A, B>> = borrowed_v<A> || borrowed_v<B>;
template <class K, class V> constexpr bool borrowed_v<KeyValue<K, V>> = borrowed_v<K> || borrowed_v<V>;

/// Allows `map` and `flat_map` to make views of an owning value: `.flat_map(borrow(words))`. `f` gets the value by const reference, which
/// stays as it is until the record is done with; the views must point into it and nowhere else.
template <class F> struct Borrow { F f; };
template <class F> Borrow<F> borrow(F f) { return {std::move(f)}; }

}  // namespace klamm::inline v0
