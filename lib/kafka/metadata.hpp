#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace klamm::inline v0::rdkafka {

/// Whose transactional producers may have left something open: an instance, and the names of its producers before `-<instance>`.
struct Signature {
  std::string instance;
  std::vector<std::string> producers;

  [[nodiscard]] static std::string transactional_id(const std::string& producer, const std::string& instance) {
    return instance.empty() ? producer : producer + '-' + instance;
  }
};

/// What stands as metadata beside a committed offset:
///
///     metadata := mark [ "." instance { "," producer } ]        no signature outside transactions
///     mark     := base64 of the mark's bytes | "@" offset       in the topic of marks, where it would be too long here
struct OffsetMetadata {
  std::string mark;                 ///< its bytes
  std::optional<std::int64_t> far;  ///< or where it is
  Signature signature;

  /// As brokers keep it, at most `limit` characters; the signature is left out first, then nothing is given.
  [[nodiscard]] std::optional<std::string> encode(std::size_t limit) const;
  /// Nothing when another program has written it.
  static std::optional<OffsetMetadata> decode(std::string_view text);
};

}  // namespace klamm::inline v0::rdkafka
