#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "klamm/api.hpp"
#include "klamm/detail/store_reader.hpp"
#include "klamm/serde.hpp"

// How keys sort once they are serialised.

namespace klamm::inline v0::detail {

enum class KeyOrder : unsigned char {
  unknown,
  bytes,         ///< as their bytes
  signed_bytes,  ///< as their bytes, those whose first bit is set before the others: two's complement in network order
};

/// Text in any form asks for keys that are std::string.
template <class K> constexpr bool text_v = std::is_convertible_v<const K&, std::string_view> && !std::is_same_v<K, std::nullptr_t>;
template <class K> using queried_t = std::conditional_t<text_v<K>, std::string, std::decay_t<K>>;

/// The form in which the second of two keys of type K is given.
template <class K> using asked_t = std::conditional_t<text_v<K>, std::string_view, std::decay_t<K>>;
template <class K> decltype(auto) as_key(const K& key) {
  if constexpr (std::is_same_v<queried_t<K>, K>)
    return (key);
  else
    return queried_t<K>{key};
}

template <class K> constexpr KeyOrder key_order() {
  if constexpr (requires { serde<K>::ordered; })
    return serde<K>::ordered ? KeyOrder::bytes : KeyOrder::unknown;
  else if constexpr (std::is_integral_v<K>)
    return std::is_signed_v<K> ? KeyOrder::signed_bytes : KeyOrder::bytes;
  else
    return std::is_same_v<K, std::string> || std::is_same_v<K, Bytes> ? KeyOrder::bytes : KeyOrder::unknown;
}

/// The keys from `from` up to, but not including, `to`, as ranges of bytes that follow each other in the keys' own order. Nullopt: from the
/// first, to behind the last.
KLAMM_API std::vector<KeyRange> ranges_between(KeyOrder order, std::optional<Bytes> from, std::optional<Bytes> to);
/// The keys that begin with these bytes.
KLAMM_API std::vector<KeyRange> ranges_of_prefix(Bytes prefix);

}  // namespace klamm::inline v0::detail
