#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "klamm/detail/fields.hpp"
#include "klamm/serde.hpp"

// Values made of values. What is written, and where one ends:
//
//     struct   := field*                      in the order of declaration
//     pair     := field field                 array := field*, as many as it has
//     vector   := field*                      to the end of the bytes
//     optional := the value                   a null one is null in the log, and never written here
//
//     field    := fixed                       integers, floats, bool, enums, timestamps, durations: their bytes
//               | struct | pair | array       as above
//               | 0:u8 | 1:u8 field           optional
//               | size value                  all else: std::string, vector, messages, types with a serde of the user's
//     size     := bytes of seven bits, lowest first, all but the last with the highest bit set; at most 32 bits, no longer than needed
//
// Bytes that no value has are malformed: one that ends too early or too late, a size beyond the end, an optional's mark other than 0 and 1.
// Equal values have equal bytes where that holds for all fields, so structs serve as keys. Nothing of it depends on the machine or
// compiler.
//
// Schemas: `struct{user:string,amounts:list<double>}`, `optional<T>`, `pair<A,B>`, `array<T,3>`; `?` stands for a type whose serde names
// none. Fields are known by name: renaming one, or changing their order or types, makes another schema.

namespace klamm::inline v0 {

namespace detail {

/// Puts the size before what was appended since the one byte that is kept free for it at `at`.
KLAMM_API Encoded end_sized(Bytes& out, std::size_t at);
/// Takes a size, and so many bytes as it says, off the front.
KLAMM_API Decoded take_part(BytesView& in, BytesView& part);

/// Whether a value says itself where it ends.
template <class T> constexpr bool embeds_v = requires(const T& value, T& slot, Bytes& out, BytesView& in) {
  { serde<T>::put(value, out) } -> std::same_as<Encoded>;
  { serde<T>::take(in, slot) } -> std::same_as<Decoded>;
};
template <class T> constexpr std::size_t fixed_size() {
  if constexpr (requires { std::size_t{serde<T>::fixed_size}; })
    return serde<T>::fixed_size;
  else
    return 0;
}

/// Appends a field.
template <class T> Encoded put(const T& value, Bytes& out) {
  if constexpr (embeds_v<T>) {
    return serde<T>::put(value, out);
  } else if constexpr (fixed_size<T>() != 0) {
    return encode(value, out);
  } else {
    const std::size_t at = out.size();
    out.push_back(std::byte{});
    const Encoded encoded = encode(value, out);
    return encoded.ok() ? end_sized(out, at) : encoded;
  }
}

/// Takes a field off the front; overwrites all of the slot.
template <class T> Decoded take(BytesView& in, T& slot) {
  if constexpr (embeds_v<T>) {
    return serde<T>::take(in, slot);
  } else {
    BytesView part;
    if constexpr (fixed_size<T>() != 0) {
      if (in.size() < fixed_size<T>()) return malformed("ends inside a number");
      part = in.first(fixed_size<T>());
      in = in.subspan(fixed_size<T>());
    } else {
      if (const Decoded sized = take_part(in, part); !sized.ok()) return sized;
    }
    return decode(part, slot);
  }
}

template <class... F> Encoded put_all(Bytes& out, const F&... fields) {
  Encoded encoded;
  static_cast<void>(((encoded = put(fields, out)).ok() && ...));
  return encoded;
}
template <class... F> Decoded take_all(BytesView& in, F&... fields) {
  Decoded decoded;
  static_cast<void>(((decoded = take(in, fields)).ok() && ...));
  return decoded;
}

/// `decode` by `take`: the bytes must end with the value.
template <class T> Decoded decode_whole(BytesView in, T& slot) {
  const Decoded decoded = serde<T>::take(in, slot);
  return decoded.ok() && !in.empty() ? malformed("bytes behind the last field") : decoded;
}

template <class T> std::string field_schema() {
  const std::string schema = schema_of<T>();
  return schema.empty() ? "?" : schema;
}

template <class T> constexpr bool field_v = has_serde_v<T> && !std::is_const_v<T>;
template <class... F> constexpr bool all_fields(FieldList<F...>) { return (field_v<F> && ...); }
template <class... F> constexpr bool all_canonical(FieldList<F...>) { return (canonical<F>() && ...); }

template <class T, std::size_t... I, class... F> std::string struct_schema(FieldList<F...>, std::index_sequence<I...>) {
  std::string schema = "struct{";
  ((schema += I == 0 ? "" : ",", schema += field_name_v<T, I>, schema += ':', schema += field_schema<F>()), ...);
  return schema + '}';
}

/// Whether T is a plain struct whose fields all have serdes.
template <class T> constexpr bool aggregate() {
  if constexpr (field_count_v<T> == 0)
    return false;
  else
    return all_fields(fields_t<T>{});
}
template <class T> constexpr bool aggregate_v = aggregate<T>();

}  // namespace detail

/// The serde of plain structs: at most 20 fields, all public, each of a type with a serde; no base classes, constructors, arrays (use
/// std::array), bit-fields, or members of the struct's own type. It is found without being named; name it to add an `upgrade`:
///
///     template <> struct klamm::serde<Totals> : klamm::aggregate_serde<Totals> {
///       static Decoded upgrade(std::string_view old_schema, BytesView bytes, Totals& now);
///     };
template <class T> struct aggregate_serde {
  static constexpr bool canonical = detail::all_canonical(detail::fields_t<T>{});

  static std::string schema() {
    return detail::struct_schema<T>(detail::fields_t<T>{}, std::make_index_sequence<detail::field_count_v<T>>{});
  }
  static Encoded put(const T& value, Bytes& out) {
    return detail::with_fields(value, [&out](const auto&... fields) { return detail::put_all(out, fields...); });
  }
  static Decoded take(BytesView& in, T& slot) {
    return detail::with_fields(slot, [&in](auto&... fields) { return detail::take_all(in, fields...); });
  }
  static Encoded encode(const T& value, Bytes& out) { return put(value, out); }
  static Decoded decode(BytesView in, T& slot) { return detail::decode_whole(in, slot); }
};

namespace detail {
struct NoSerde {};
template <class T> struct DefaultSerde : std::conditional_t<aggregate_v<T>, aggregate_serde<T>, NoSerde> {};
}  // namespace detail

template <class T>
requires(detail::has_serde_v<T>) struct serde<std::optional<T>> {
  static constexpr bool canonical = detail::canonical<T>();

  static std::string schema() { return "optional<" + detail::schema_of<T>() + '>'; }
  static Encoded encode(const std::optional<T>& value, Bytes& out) { return detail::encode(*value, out); }
  static Decoded decode(BytesView in, std::optional<T>& slot) {
    if (!slot) slot.emplace();
    return detail::decode(in, *slot);
  }

  static Encoded put(const std::optional<T>& value, Bytes& out) {
    out.push_back(value ? std::byte{1} : std::byte{0});
    return value ? detail::put(*value, out) : Encoded{};
  }
  static Decoded take(BytesView& in, std::optional<T>& slot) {
    if (in.empty() || in[0] > std::byte{1}) return malformed("optional without a mark of 0 or 1");
    const bool there = in[0] != std::byte{0};
    in = in.subspan(1);
    if (!there) slot.reset();
    if (!there) return {};
    if (!slot) slot.emplace();
    return detail::take(in, *slot);
  }
};

template <class A, class B>
requires(detail::has_serde_v<A>&& detail::has_serde_v<B>) struct serde<std::pair<A, B>> {
  static constexpr bool canonical = detail::canonical<A>() && detail::canonical<B>();

  static std::string schema() { return "pair<" + detail::field_schema<A>() + ',' + detail::field_schema<B>() + '>'; }
  static Encoded put(const std::pair<A, B>& value, Bytes& out) { return detail::put_all(out, value.first, value.second); }
  static Decoded take(BytesView& in, std::pair<A, B>& slot) { return detail::take_all(in, slot.first, slot.second); }
  static Encoded encode(const std::pair<A, B>& value, Bytes& out) { return put(value, out); }
  static Decoded decode(BytesView in, std::pair<A, B>& slot) { return detail::decode_whole(in, slot); }
};

template <class T, std::size_t N>
requires(N != 0 && detail::has_serde_v<T>) struct serde<std::array<T, N>> {
  static constexpr bool canonical = detail::canonical<T>();

  static std::string schema() { return "array<" + detail::field_schema<T>() + ',' + std::to_string(N) + '>'; }
  static Encoded put(const std::array<T, N>& value, Bytes& out) {
    Encoded encoded;
    for (std::size_t i = 0; i < N && encoded.ok(); ++i) encoded = detail::put(value[i], out);
    return encoded;
  }
  static Decoded take(BytesView& in, std::array<T, N>& slot) {
    Decoded decoded;
    for (std::size_t i = 0; i < N && decoded.ok(); ++i) decoded = detail::take(in, slot[i]);
    return decoded;
  }
  static Encoded encode(const std::array<T, N>& value, Bytes& out) { return put(value, out); }
  static Decoded decode(BytesView in, std::array<T, N>& slot) { return detail::decode_whole(in, slot); }
};

template <class T>
requires(detail::has_serde_v<T>) struct serde<std::vector<T>> {
  static constexpr bool canonical = detail::canonical<T>();

  static std::string schema() { return "list<" + detail::field_schema<T>() + '>'; }
  static Encoded encode(const std::vector<T>& value, Bytes& out) {
    Encoded encoded;
    for (std::size_t i = 0; i < value.size() && encoded.ok(); ++i) encoded = detail::put<T>(value[i], out);
    return encoded;
  }
  static Decoded decode(BytesView in, std::vector<T>& slot) {
    std::size_t size = 0;
    Decoded decoded;
    for (; !in.empty() && decoded.ok(); ++size) {
      if (size == slot.size()) slot.emplace_back();
      if constexpr (std::is_same_v<T, bool>) {  // its elements are not objects
        bool element = false;
        decoded = detail::take(in, element);
        slot[size] = element;
      } else {
        decoded = detail::take(in, slot[size]);
      }
    }
    slot.resize(size);
    return decoded;
  }
};

}  // namespace klamm::inline v0
