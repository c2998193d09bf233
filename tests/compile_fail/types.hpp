#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "klamm/klamm.hpp"

// What the programs that must not compile are about.

inline const klamm::Topic<std::string, std::string> words{"words"};
inline const klamm::Topic<std::string, std::int64_t> numbers{"numbers"};
inline const klamm::Topic<std::int64_t, std::int64_t> by_number{"by-number"};
inline const klamm::Topic<klamm::NoKey, std::string> lines{"lines"};
inline const klamm::Topic<std::string, std::string_view> views{"views"};

/// Has no serde: a struct with a constructor is no plain one.
struct Plain {
  Plain() {}
  int x = 0;
};
/// Has no default constructor.
struct NoDefault {
  explicit NoDefault(int y) : x{y} {}
  int x;
};
template <> struct klamm::serde<NoDefault> {
  static void encode(const NoDefault&, Bytes&) {}
  static std::optional<NoDefault> decode(BytesView) { return NoDefault{1}; }
};
