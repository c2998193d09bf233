#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace klamm::inline v0::rdkafka {

/// Kafka's offset metadata is a UTF-8 string: brokers mangle other bytes, and librdkafka reads garbage behind a NUL. So bytes travel as
/// base64 (RFC 4648, with padding).
std::string to_base64(std::string_view bytes);
/// Nothing when the text is no base64.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace klamm::inline v0::rdkafka
