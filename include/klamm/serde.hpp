#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "klamm/api.hpp"
#include "klamm/borrow.hpp"
#include "klamm/record.hpp"

namespace klamm::inline v0 {

/// How a decode ended. `unavailable` is retried, `malformed` goes to the error policy. The reason is a literal.
struct Decoded {
  enum class Code : unsigned char { ok, malformed, unavailable };
  Code code = Code::ok;
  const char* reason = "";

  [[nodiscard]] bool ok() const { return code == Code::ok; }
};
constexpr Decoded malformed(const char* reason) { return {Decoded::Code::malformed, reason}; }
constexpr Decoded unavailable(const char* reason) { return {Decoded::Code::unavailable, reason}; }

/// How an encode ended: fine, or the reason (a literal) for which the value can't be written. What it appended then counts for nothing.
struct Encoded {
  const char* reason = nullptr;

  [[nodiscard]] bool ok() const { return reason == nullptr; }
};
constexpr Encoded unencodable(const char* reason) { return {reason}; }

namespace detail {
template <class T> struct DefaultSerde;
}

/// How a type is written and read. Built in, here and in serde/composite.hpp: integers, floats, bool, enums with a fixed underlying type,
/// Timestamp, Duration, std::string, Bytes, std::optional, std::vector, std::array, std::pair, and plain structs of all these; borrowed
/// ones where the value does not outlive its record: std::string_view, BytesView. Protobuf messages: serde/protobuf.hpp, serde/json.hpp.
/// For any other type specialise it with
///
/// - `encode(const T&, Bytes&)`, which appends, and returns nothing, or `Encoded` if it can fail;
/// - one of `std::optional<T> decode(BytesView)`, the simple form, and `Decoded decode(BytesView, T& slot)`, which reuses the slot and must
///   overwrite everything in it (`klamm::testing::check_serde` looks);
/// - if you like, `schema`, a `const char*` (or a function that returns a string) that changes when the format does: what was written with
///   another one is never decoded as this one, see `upgrade`;
/// - if you like, `Decoded upgrade(std::string_view old_schema, BytesView, T& slot)`: reads what was written under an older schema. With it
///   stores, changelogs and repartition topics of older versions of the program are gone on with; without it they are refused by name;
/// - if you like, `static constexpr bool canonical = true`: equal values have equal bytes, whoever wrote them.
///
/// Decode says that it went well, that the bytes are `malformed` (the error policy decides), or that a service it needs is `unavailable`
/// (the same record is tried again until it is there; nothing is skipped). What can't be encoded goes to the error policy too, but for a
/// table's own value, which stops the application. An exception out of a serde counts as malformed.
///
/// A serde that needs a state or a connection is an object, given to its topic: `Topic::serde(keys, values)`; each task has a copy.
template <class T> struct serde : detail::DefaultSerde<T> {};

namespace detail {

template <class T> constexpr bool encodes_v = requires(const T& value, Bytes& out) { serde<T>::encode(value, out); };
template <class T> constexpr bool decodes_in_slot_v = requires(BytesView in, T& slot) {
  { serde<T>::decode(in, slot) } -> std::same_as<Decoded>;
};
template <class T> constexpr bool decodes_v = decodes_in_slot_v<T> || requires(BytesView in) { *serde<T>::decode(in); };
template <class T> constexpr bool has_serde_v = encodes_v<T>&& decodes_v<T>;
template <class T> constexpr bool upgrades_v = requires(std::string_view old_schema, BytesView in, T& slot) {
  { serde<T>::upgrade(old_schema, in, slot) } -> std::same_as<Decoded>;
};

template <class T> constexpr bool optional_v = false;
template <class T> constexpr bool optional_v<std::optional<T>> = true;

template <class T> struct plain { using type = T; };
template <class T> struct plain<std::optional<T>> { using type = T; };
/// T, or what is in it if it is optional: null is never serialised.
template <class T> using plain_t = typename plain<T>::type;

/// Whether equal values have equal bytes, so that bytes somebody else wrote can be looked up.
template <class T> constexpr bool canonical() {
  if constexpr (requires { serde<T>::canonical; })
    return serde<T>::canonical;
  else
    return false;
}

template <class T> [[gnu::always_inline]] inline Encoded encode(const T& value, Bytes& out) {
  if constexpr (std::is_void_v<decltype(serde<T>::encode(value, out))>) {
    serde<T>::encode(value, out);
    return {};
  } else {
    return serde<T>::encode(value, out);
  }
}

template <class T> [[gnu::always_inline]] inline Decoded decode(BytesView in, T& slot) {
  if constexpr (decodes_in_slot_v<T>) {
    return serde<T>::decode(in, slot);
  } else {
    auto value = serde<T>::decode(in);
    if (!value) return malformed("decode returned nothing");
    slot = std::move(*value);
    return {};
  }
}

/// Out of line: the growth of a vector is long, and compiled once it is the same everywhere.
KLAMM_API void append(Bytes& out, const void* data, std::size_t size);

/// Reverses the bytes: the log has integers in network order, as Kafka's own serialisers do.
template <class T> constexpr T swap_bytes(T value) {
  using U = std::make_unsigned_t<T>;
  if constexpr (sizeof(T) == 8)
    return static_cast<T>(__builtin_bswap64(static_cast<U>(value)));
  else if constexpr (sizeof(T) == 4)
    return static_cast<T>(__builtin_bswap32(static_cast<U>(value)));
  else if constexpr (sizeof(T) == 2)
    return static_cast<T>(__builtin_bswap16(static_cast<U>(value)));
  else
    return value;
}

/// "int64", "uint8", …
template <class T> constexpr const char* integer_schema() {
  if constexpr (std::is_signed_v<T>)
    return sizeof(T) == 8 ? "int64" : sizeof(T) == 4 ? "int32" : sizeof(T) == 2 ? "int16" : "int8";
  else
    return sizeof(T) == 8 ? "uint64" : sizeof(T) == 4 ? "uint32" : sizeof(T) == 2 ? "uint16" : "uint8";
}

/// What stores and internal topics remember of a type's format; empty if its serde does not say.
template <class T> std::string schema_of() {
  if constexpr (requires { std::string(serde<T>::schema()); })
    return serde<T>::schema();
  else if constexpr (requires { std::string(serde<T>::schema); })
    return serde<T>::schema;
  else
    return {};
}

}  // namespace detail

template <class T>
requires(std::integral<T> && !std::same_as<T, bool>) struct serde<T> {
  static constexpr const char* schema = detail::integer_schema<T>();
  static constexpr bool canonical = true;
  static constexpr std::size_t fixed_size = sizeof(T);

  static void encode(T value, Bytes& out) {
    const T swapped = detail::swap_bytes(value);
    detail::append(out, &swapped, sizeof(T));
  }
  static Decoded decode(BytesView in, T& slot) {
    if (in.size() != sizeof(T)) return malformed("integer of another size");
    T swapped;
    __builtin_memcpy(&swapped, in.data(), sizeof(T));
    slot = detail::swap_bytes(swapped);
    return {};
  }
};

namespace detail {
/// Every value of the underlying type is one of the enum's, named or not: only those may come from bytes.
template <class T> constexpr bool fixed_enum_v = requires { T{std::underlying_type_t<T>{}}; };
}  // namespace detail

/// The underlying integer, and its schema: a value without a name is decoded too.
template <class T>
requires(std::is_enum_v<T>&& detail::fixed_enum_v<T>) struct serde<T> {
  using Integer = std::underlying_type_t<T>;
  static constexpr const char* schema = serde<Integer>::schema;
  static constexpr bool canonical = true;
  static constexpr std::size_t fixed_size = sizeof(T);

  static void encode(T value, Bytes& out) { serde<Integer>::encode(static_cast<Integer>(value), out); }
  static Decoded decode(BytesView in, T& slot) {
    Integer integer{};
    const Decoded decoded = serde<Integer>::decode(in, integer);
    if (decoded.ok()) slot = static_cast<T>(integer);
    return decoded;
  }
};

namespace detail {
template <class T> struct MillisecondsSerde {
  static constexpr bool canonical = true;
  static constexpr std::size_t fixed_size = 8;
  static void encode(T value, Bytes& out) { serde<std::int64_t>::encode(value.milliseconds(), out); }
  static Decoded decode(BytesView in, T& slot) {
    std::int64_t milliseconds = 0;
    const Decoded decoded = serde<std::int64_t>::decode(in, milliseconds);
    slot = T{milliseconds};
    return decoded;
  }
};
}  // namespace detail

/// Milliseconds since 1970, as an int64.
template <> struct serde<Timestamp> : detail::MillisecondsSerde<Timestamp> { static constexpr const char* schema = "timestamp"; };
/// Milliseconds, as an int64.
template <> struct serde<Duration> : detail::MillisecondsSerde<Duration> { static constexpr const char* schema = "duration"; };

/// IEEE 754 bits in network order.
template <> struct KLAMM_API serde<double> {
  static constexpr const char* schema = "double";
  static constexpr std::size_t fixed_size = 8;
  static void encode(double value, Bytes& out);
  static Decoded decode(BytesView in, double& slot);
};
template <> struct KLAMM_API serde<float> {
  static constexpr const char* schema = "float";
  static constexpr std::size_t fixed_size = 4;
  static void encode(float value, Bytes& out);
  static Decoded decode(BytesView in, float& slot);
};

/// One byte, 0 or 1.
template <> struct KLAMM_API serde<bool> {
  static constexpr const char* schema = "bool";
  static constexpr bool canonical = true;
  static constexpr std::size_t fixed_size = 1;
  static void encode(bool value, Bytes& out);
  static Decoded decode(BytesView in, bool& slot);
};

template <> struct KLAMM_API serde<std::string> {
  static constexpr const char* schema = "string";
  static constexpr bool canonical = true;
  static void encode(const std::string& value, Bytes& out) { detail::append(out, value.data(), value.size()); }
  static Decoded decode(BytesView in, std::string& slot) {
    slot.assign(reinterpret_cast<const char*>(in.data()), in.size());
    return {};
  }
};

/// Borrowed: valid until the record is done with.
template <> struct KLAMM_API serde<std::string_view> {
  static constexpr const char* schema = "string";
  static constexpr bool canonical = true;
  static void encode(std::string_view value, Bytes& out) { detail::append(out, value.data(), value.size()); }
  static Decoded decode(BytesView in, std::string_view& slot) {
    slot = {reinterpret_cast<const char*>(in.data()), in.size()};
    return {};
  }
};

template <> struct KLAMM_API serde<Bytes> {
  static constexpr const char* schema = "bytes";
  static constexpr bool canonical = true;
  static void encode(const Bytes& value, Bytes& out) { detail::append(out, value.data(), value.size()); }
  static Decoded decode(BytesView in, Bytes& slot) {
    slot.assign(in.begin(), in.end());
    return {};
  }
};

/// Borrowed: valid until the record is done with.
template <> struct KLAMM_API serde<BytesView> {
  static constexpr const char* schema = "bytes";
  static constexpr bool canonical = true;
  static void encode(BytesView value, Bytes& out) { detail::append(out, value.data(), value.size()); }
  static Decoded decode(BytesView in, BytesView& slot) {
    slot = in;
    return {};
  }
};

template <> struct KLAMM_API serde<NoKey> {
  static void encode(NoKey, Bytes&) {}
  static Decoded decode(BytesView, NoKey&) { return {}; }
};

}  // namespace klamm::inline v0

#include "klamm/serde/composite.hpp"  // IWYU pragma: export
