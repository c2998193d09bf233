#pragma once

#include <google/protobuf/message_lite.h>

#include <limits>
#include <type_traits>

#include "klamm/serde.hpp"

namespace klamm::inline v0 {

/// Protobuf messages, as their plain bytes without an envelope. The only header of klamm that includes protobuf; include it before the
/// first topic of a message type.
///
/// Bytes of equal messages may differ (maps, unknown fields), so a table with messages as keys has a changelog of its own. The schema of
/// stores and internal topics is the message's name: fields may be added as protobuf allows.
template <class T>
requires std::is_base_of_v<google::protobuf::MessageLite, T>
struct serde<T> {
  static std::string schema() { return "protobuf:" + std::string{T::default_instance().GetTypeName()}; }

  static Encoded encode(const T& message, Bytes& out) {
    const std::size_t size = message.ByteSizeLong();
    if (size > static_cast<std::size_t>(std::numeric_limits<int>::max())) return unencodable("protobuf message above 2 GiB");
    if (!message.IsInitialized()) return unencodable("protobuf message without a required field");
    const std::size_t old = out.size();
    out.resize(old + size);
    message.SerializeWithCachedSizesToArray(reinterpret_cast<std::uint8_t*>(out.data() + old));
    return {};
  }
  static Decoded decode(BytesView in, T& slot) {
    if (in.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) return malformed("protobuf message above 2 GiB");
    return slot.ParseFromArray(in.data(), static_cast<int>(in.size())) ? Decoded{} : malformed("not a protobuf message of this type");
  }
};

}  // namespace klamm::inline v0
