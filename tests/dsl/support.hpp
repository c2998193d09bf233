#pragma once

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "klamm/test_driver.hpp"

// What the tests of the operators share: topics, and outputs as short texts.

namespace klamm::testing {

using Text = Topic<std::string, std::string>;
inline const Text in{"in"}, out{"out"}, other{"other"};
inline const Topic<std::string, std::int64_t> numbers{"numbers"}, counts{"counts"};

inline std::string shown(const std::string& value) { return value; }
inline std::string shown(NoKey) { return "-"; }
inline std::string shown(std::int64_t value) { return std::to_string(value); }
template <class T> std::string shown(const std::optional<T>& value) { return value ? shown(*value) : "~"; }

/// What an output got since the last look, as "key=value key=value"; null is ~.
template <class K, class V> std::string take(TestOutput<K, V>& output) {
  std::string text;
  for (const auto& record : output.read()) text += (text.empty() ? "" : " ") + shown(record.key) + '=' + shown(record.value);
  return text;
}
/// The same with timestamps: "key=value@seconds".
template <class K, class V> std::string take_timed(TestOutput<K, V>& output) {
  std::string text;
  for (const auto& record : output.read()) {
    text +=
        (text.empty() ? "" : " ") + shown(record.key) + '=' + shown(record.value) + '@' + std::to_string(record.timestamp.milliseconds());
  }
  return text;
}

/// Refuses to write "secret".
struct Discreet {
  Encoded encode(const std::string& v, Bytes& bytes) const {
    if (v == "secret") return unencodable("it is a secret");
    serde<std::string>::encode(v, bytes);
    return {};
  }
  Decoded decode(BytesView bytes, std::string& slot) const { return serde<std::string>::decode(bytes, slot); }
};

inline At ms(std::int64_t milliseconds) { return at(Timestamp{milliseconds}); }
inline std::string first_letter(const std::string& value) { return value.substr(0, 1); }

}  // namespace klamm::testing
