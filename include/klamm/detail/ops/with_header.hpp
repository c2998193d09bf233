#pragma once

#include <string>
#include <string_view>
#include <type_traits>

#include "klamm/detail/ops/calls.hpp"

namespace klamm::inline v0::detail {

/// What a header can be made of: text and bytes as they are, all else by its serde; nullopt is null.
template <class T>
constexpr bool header_value_v =
    std::is_convertible_v<const T&, std::string_view> || std::is_convertible_v<const T&, BytesView> || has_serde_v<T>;

template <class F, class K, class V> constexpr bool gives_header() {
  if constexpr (!callable_v<F, K, V>)
    return true;
  else if constexpr (std::is_void_v<result_t<F, K, V>>)
    return false;
  else
    return header_value_v<std::remove_cvref_t<result_t<F, K, V>>>;
}
template <class F, class K, class V> constexpr bool returns_header_v = gives_header<F, K, V>();

/// A header's text that is the same for all records.
struct HeaderText {
  std::string text;
  template <class V> std::string_view operator()(const V&) const { return text; }
};

/// The bytes of a header, in `room` if they have to be made. False if the serde refuses.
template <class T> bool header_bytes(const T& value, Bytes& room, BytesView& out, Encoded& result) {
  if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    const std::string_view text = value;
    out = {reinterpret_cast<const std::byte*>(text.data() != nullptr ? text.data() : ""), text.size()};
  } else if constexpr (std::is_convertible_v<const T&, BytesView>) {
    out = value;
  } else if constexpr (optional_v<T>) {
    if (value) return header_bytes(*value, room, out, result);
    out = {};
  } else {
    room.clear();
    room.reserve(16);  // so that no bytes are not null
    result = encode(value, room);
    out = room;
  }
  return result.ok();
}

/// Adds a header behind those that the record has. They are copied: the record's own bytes are the log's.
template <class F> struct WithHeader : Calls<F, InPlace> {
  std::string name{};
  mutable Bytes headers{}, room{};

  template <class K, class V> [[gnu::always_inline]] bool operator()(K& key, V& value, RecordContext& context) const {
    if (!admits<F, K, const V&>(this->node, context)) return false;
    decltype(auto) made = call<const V&>(this->f, key, value, context);
    return add(made, context);
  }

 private:
  template <class T> bool add(const T& made, RecordContext& context) const {
    BytesView bytes;
    Encoded result;
    if (!header_bytes(made, room, bytes, result)) [[unlikely]]
      return context.task->unencodable(this->node, context, result), false;
    const BytesView before = context.headers.bytes();
    headers.assign(before.begin(), before.end());
    Headers::append(headers, {name, bytes});
    context.headers = Headers{headers};
    return true;
  }
};

}  // namespace klamm::inline v0::detail
