#pragma once

#include <doctest/doctest.h>

#include <string>

#include "klamm/serde.hpp"

namespace klamm::testing {

/// What a value's serde writes, in hexadecimal.
template <class T> std::string hex(const T& value) {
  Bytes bytes;
  REQUIRE(detail::encode(value, bytes).ok());
  std::string text;
  for (const std::byte b : bytes) {
    text += "0123456789abcdef"[static_cast<unsigned>(b) >> 4];
    text += "0123456789abcdef"[static_cast<unsigned>(b) & 15];
  }
  return text;
}

}  // namespace klamm::testing
