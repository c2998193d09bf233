#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <type_traits>
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

template <class T> std::size_t heap_bytes(const T& value) { return HeapBytes<T>::of(value); }

}  // namespace klamm::inline v0::detail
