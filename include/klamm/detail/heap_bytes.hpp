#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "klamm/serde.hpp"

namespace klamm::inline v0::detail {

/// How much memory a value keeps besides itself, for the budget of a store. Nothing, unless the type is known here or its serde says so
/// with `static std::size_t heap_bytes(const T&)`.
template <class T> struct HeapBytes {
  static constexpr bool any = requires(const T& value) { std::size_t{serde<T>::heap_bytes(value)}; };
  static std::size_t of(const T& value) {
    if constexpr (any)
      return serde<T>::heap_bytes(value);
    else
      return static_cast<void>(value), std::size_t{0};
  }
};

/// What an allocation takes beyond what was asked for, about.
inline constexpr std::size_t allocation_bytes = 16;

template <> struct HeapBytes<std::string> {
  static constexpr bool any = true;
  static std::size_t of(const std::string& value) {
    static const std::size_t inside = std::string{}.capacity();
    return value.capacity() <= inside ? 0 : value.capacity() + allocation_bytes;
  }
};

template <class T> struct HeapBytes<std::vector<T>> {
  static constexpr bool any = true;
  static std::size_t of(const std::vector<T>& value) {
    std::size_t bytes = value.capacity() == 0 ? 0 : value.capacity() * sizeof(T) + allocation_bytes;
    if constexpr (HeapBytes<T>::any) {
      for (const T& item : value) bytes += HeapBytes<T>::of(item);
    }
    return bytes;
  }
};

template <class T> struct HeapBytes<std::optional<T>> {
  static constexpr bool any = HeapBytes<T>::any;
  static std::size_t of(const std::optional<T>& value) { return value ? HeapBytes<T>::of(*value) : 0; }
};

template <class A, class B> struct HeapBytes<std::pair<A, B>> {
  static constexpr bool any = HeapBytes<A>::any || HeapBytes<B>::any;
  static std::size_t of(const std::pair<A, B>& value) { return HeapBytes<A>::of(value.first) + HeapBytes<B>::of(value.second); }
};

template <class T, std::size_t N> struct HeapBytes<std::array<T, N>> {
  static constexpr bool any = HeapBytes<T>::any;
  static std::size_t of(const std::array<T, N>& value) {
    std::size_t bytes = 0;
    for (const T& item : value) bytes += HeapBytes<T>::of(item);
    return bytes;
  }
};

template <class... F> constexpr bool any_heap(FieldList<F...>) { return (HeapBytes<F>::any || ...); }

/// A plain struct with the built-in serde.
template <class T>
requires(std::is_base_of_v<aggregate_serde<T>, serde<T>> &&
         !requires(const T& value) { serde<T>::heap_bytes(value); }) struct HeapBytes<T> {
  static constexpr bool any = any_heap(fields_t<T>{});
  static std::size_t of(const T& value) {
    return with_fields(value, [](const auto&... fields) { return (HeapBytes<std::remove_cvref_t<decltype(fields)>>::of(fields) + ...); });
  }
};

template <class T> std::size_t heap_bytes(const T& value) { return HeapBytes<T>::of(value); }

}  // namespace klamm::inline v0::detail
