#pragma once

#include <cstdint>
#include <cstring>

#include "klamm/record.hpp"

namespace klamm::inline v0::state {

/// Differs from process to process, so that nobody can choose keys that collide. Nothing that leaves a store depends on it.
extern const std::uint64_t hash_seed;

/// Hashes a key for the index: two multiplications for keys of up to 16 bytes. In memory only.
inline std::uint32_t hash_key(BytesView key) {
  __extension__ using Wide = unsigned __int128;
  const auto mix = [](std::uint64_t a, std::uint64_t b) {
    const auto product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  };
  const auto word = [](const std::byte* at) {
    std::uint64_t w;
    std::memcpy(&w, at, 8);
    return w;
  };
  const std::byte* at = key.data();
  std::size_t left = key.size();
  std::uint64_t state = hash_seed ^ left;
  for (; left > 16; left -= 16, at += 16) state = mix(word(at) ^ 0xa0761d6478bd642fULL, word(at + 8) ^ state);
  std::uint64_t a = 0, b = 0;
  if (left >= 8) {
    a = word(at), b = word(at + left - 8);
  } else if (left != 0) {
    std::memcpy(&a, at, left);
  }
  const std::uint64_t hash = mix(mix(a ^ 0xa0761d6478bd642fULL, b ^ state), 0xe7037ed1a0b428dbULL);
  return static_cast<std::uint32_t>(hash >> 32);
}

/// Compares keys of known equal length without a call for the short ones.
inline bool equal_bytes(const std::byte* a, const std::byte* b, std::size_t n) {
  if (n < 8 || n > 32) return n == 0 || std::memcmp(a, b, n) == 0;
  const auto differs = [&](std::size_t i) {
    std::uint64_t x, y;
    std::memcpy(&x, a + i, 8), std::memcpy(&y, b + i, 8);
    return x ^ y;
  };
  std::uint64_t difference = differs(0) | differs(n - 8);
  if (n > 16) difference |= differs(8) | differs(n - 16);
  return difference == 0;
}

/// Orders keys by their bytes, as SQLite orders blobs.
inline bool key_less(BytesView a, BytesView b) {
  const std::size_t n = a.size() < b.size() ? a.size() : b.size();
  const int order = n == 0 ? 0 : std::memcmp(a.data(), b.data(), n);
  return order != 0 ? order < 0 : a.size() < b.size();
}

}  // namespace klamm::inline v0::state
