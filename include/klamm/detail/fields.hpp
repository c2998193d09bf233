#pragma once

#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>

// What C++20 lets a library know about a plain struct without its author's help: how many fields it has, what they are, and their names.

namespace klamm::inline v0::detail {

inline constexpr std::size_t most_fields = 20;

/// Stands for a value of any type in `T{…}`.
struct AnyField {
  template <class F> operator F() const;
};
/// Stands for a value of one of T's base classes.
template <class T> struct AnyBase {
  template <class B>
  requires(std::is_base_of_v<B, T> && !std::is_same_v<B, T>) constexpr operator B() const;
};
template <std::size_t> using AnyFieldAt = AnyField;

template <class T, std::size_t... I> constexpr bool takes(std::index_sequence<I...>) {
  return requires { T{AnyFieldAt<I>{}...}; };
}
template <class T, std::size_t... I, std::size_t... J> constexpr bool takes_braces(std::index_sequence<I...>, std::index_sequence<J...>) {
  return requires { T{AnyFieldAt<I>{}..., {}, AnyFieldAt<J>{}...}; };
}

/// How many values `T{…}` takes, up to one more than `most_fields`.
template <class T, std::size_t N = 0> constexpr std::size_t initialisers() {
  if constexpr (N > most_fields)
    return N;
  else if constexpr (takes<T>(std::make_index_sequence<N + 1>{}))
    return initialisers<T, N + 1>();
  else
    return N;
}

/// An array takes as many values as it has elements, but only one pair of braces: with it, the values behind are too many.
template <class T, std::size_t... I> constexpr bool one_each(std::index_sequence<I...>) {
  return (takes_braces<T>(std::make_index_sequence<I>{}, std::make_index_sequence<sizeof...(I) - I - 1>{}) && ...);
}

/// The number of fields of a plain struct; 0 if T is none, or has bases, arrays, references, or more than `most_fields`.
template <class T> constexpr std::size_t count_fields() {
  if constexpr (!std::is_class_v<T> || !std::is_aggregate_v<T>) {
    return 0;
  } else if constexpr (requires { T{AnyBase<T>{}}; }) {
    return 0;
  } else {
    constexpr std::size_t n = initialisers<T>();
    if constexpr (n == 0 || n > most_fields)
      return 0;
    else
      return one_each<T>(std::make_index_sequence<n>{}) ? n : 0;
  }
}
template <class T> constexpr std::size_t field_count_v = count_fields<T>();

/// Returns `visit(fields...)`, in the order of declaration. T must have some.
template <class T, class F> constexpr decltype(auto) with_fields(T& value, F&& visit) {
  constexpr std::size_t count = field_count_v<std::remove_const_t<T>>;
  static_assert(count != 0);
  if constexpr (count == 1) {
    auto& [a] = value;
    return visit(a);
  } else if constexpr (count == 2) {
    auto& [a, b] = value;
    return visit(a, b);
  } else if constexpr (count == 3) {
    auto& [a, b, c] = value;
    return visit(a, b, c);
  } else if constexpr (count == 4) {
    auto& [a, b, c, d] = value;
    return visit(a, b, c, d);
  } else if constexpr (count == 5) {
    auto& [a, b, c, d, e] = value;
    return visit(a, b, c, d, e);
  } else if constexpr (count == 6) {
    auto& [a, b, c, d, e, f] = value;
    return visit(a, b, c, d, e, f);
  } else if constexpr (count == 7) {
    auto& [a, b, c, d, e, f, g] = value;
    return visit(a, b, c, d, e, f, g);
  } else if constexpr (count == 8) {
    auto& [a, b, c, d, e, f, g, h] = value;
    return visit(a, b, c, d, e, f, g, h);
  } else if constexpr (count == 9) {
    auto& [a, b, c, d, e, f, g, h, i] = value;
    return visit(a, b, c, d, e, f, g, h, i);
  } else if constexpr (count == 10) {
    auto& [a, b, c, d, e, f, g, h, i, j] = value;
    return visit(a, b, c, d, e, f, g, h, i, j);
  } else if constexpr (count == 11) {
    auto& [a, b, c, d, e, f, g, h, i, j, k] = value;
    return visit(a, b, c, d, e, f, g, h, i, j, k);
  } else if constexpr (count == 12) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l] = value;
    return visit(a, b, c, d, e, f, g, h, i, j, k, l);
  } else if constexpr (count == 13) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m] = value;
    return visit(a, b, c, d, e, f, g, h, i, j, k, l, m);
  } else if constexpr (count == 14) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = value;
    return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n);
  } else if constexpr (count == 15) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o] = value;
    return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o);
  } else if constexpr (count == 16) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = value;
    return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p);
  } else if constexpr (count == 17) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q] = value;
    return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q);
  } else if constexpr (count == 18) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r] = value;
    return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r);
  } else if constexpr (count == 19) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s] = value;
    return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s);
  } else if constexpr (count == 20) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t] = value;
    return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t);
  }
}

template <class... F> struct FieldList {};
// Function objects, not lambdas: clang 14 can't read a lambda inside decltype from a precompiled header.
struct ListFields {
  template <class... F> constexpr FieldList<F...> operator()(F&...) const { return {}; }
};
/// `FieldList<F...>` of a plain struct; a const field shows as const.
template <class T> using fields_t = decltype(with_fields(std::declval<T&>(), ListFields{}));

// A field's name is in the name of the function that has the field's address as argument: of an object that exists nowhere.

template <class P> struct FieldAddress { P pointer; };
template <class T> struct Nowhere { T value; };

#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wundefined-var-template"
#pragma clang diagnostic ignored "-Wundefined-internal"
#endif
template <class T> extern Nowhere<T> nowhere;

template <std::size_t I> struct AddressOf {
  template <class First, class... Rest> constexpr auto operator()(First& first, Rest&... rest) const {
    if constexpr (I == 0)
      return FieldAddress<First*>{&first};
    else
      return AddressOf<I - 1>{}(rest...);
  }
};
template <auto Address> constexpr const char* name_with_address() { return __PRETTY_FUNCTION__; }

/// The last identifier of what the compiler wrote: `…{&nowhere.value.name}]`, `…::Order::name)}]`.
constexpr std::string_view last_identifier(std::string_view text) {
  constexpr auto in_identifier = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
  };
  std::size_t end = text.size();
  while (end != 0 && !in_identifier(text[end - 1])) --end;
  std::size_t begin = end;
  while (begin != 0 && in_identifier(text[begin - 1])) --begin;
  return text.substr(begin, end - begin);
}

/// The name of T's field number I, the same from every compiler.
template <class T, std::size_t I>
constexpr std::string_view field_name_v = last_identifier(name_with_address<with_fields(nowhere<T>.value, AddressOf<I>{})>());
#if defined(__clang__)
#pragma clang diagnostic pop
#endif

struct NameProbe {
  int first_1;
  const char* Second;
};
static_assert(field_name_v<NameProbe, 0> == "first_1" && field_name_v<NameProbe, 1> == "Second",
              "klamm: this compiler spells the names of fields in a way of its own, and stores could not be opened by other builds");

}  // namespace klamm::inline v0::detail
