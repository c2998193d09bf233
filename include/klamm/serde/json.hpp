#pragma once

#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>

#include <limits>
#include <string>
#include <string_view>
#include <type_traits>

#include "klamm/detail/speak.hpp"
#include "klamm/serde.hpp"

namespace klamm::inline v0 {

/// Reads and writes a protobuf message as JSON, in protobuf's own mapping (proto3 JSON: lowerCamelCase names, 64-bit integers as strings).
/// Made by `json<Message>()`.
template <class T> class JsonSerde {
 public:
  Encoded encode(const T& message, Bytes& out) {
    text_.clear();
    if (!google::protobuf::util::MessageToJsonString(message, &text_).ok()) return unencodable("a message that has no JSON");
    detail::append(out, text_.data(), text_.size());
    return {};
  }
  /// Unknown fields are skipped, as in protobuf's own bytes: who writes may be newer.
  Decoded decode(BytesView in, T& slot) {
    if (in.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) return malformed("JSON above 2 GiB");
    const std::string_view text{reinterpret_cast<const char*>(in.data()), in.size()};
    google::protobuf::util::JsonParseOptions options;
    options.ignore_unknown_fields = true;
    slot.Clear();
    const bool fine = google::protobuf::util::JsonStringToMessage({text.data(), text.size()}, &slot, options).ok();
    return fine ? Decoded{} : malformed("not JSON of this message type");
  }

 private:
  std::string text_;
};

/// A serde object for topics whose messages are JSON; stores and internal topics keep protobuf's own bytes. Parsing costs some microseconds
/// a record. Messages must be full ones, not of the lite runtime.
///
///     const auto orders = klamm::Topic<std::string, shop::Order>{"orders"}.serde(klamm::serde<std::string>{}, klamm::json<shop::Order>());
template <class T> auto json() {
  constexpr bool message = std::is_base_of_v<google::protobuf::Message, T>;
  static_assert(message, "klamm: json<T>(): T must be a protobuf message, and not of the lite runtime");
  if constexpr (message)
    return JsonSerde<T>{};
  else
    return detail::Inert{};
}

}  // namespace klamm::inline v0
