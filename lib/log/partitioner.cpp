#include "log/partitioner.hpp"

#include <cstring>

namespace klamm::inline v0::log {

std::int32_t murmur2(BytesView bytes) {
  constexpr std::uint32_t seed = 0x9747b28c, mix = 0x5bd1e995;
  std::uint32_t hash = seed ^ static_cast<std::uint32_t>(bytes.size());
  for (; bytes.size() >= 4; bytes = bytes.subspan(4)) {
    std::uint32_t word;
    std::memcpy(&word, bytes.data(), sizeof word);
    word *= mix;
    word ^= word >> 24;
    hash = (hash * mix) ^ (word * mix);
  }
  if (!bytes.empty()) {
    for (std::size_t i = 0; i < bytes.size(); ++i) hash ^= static_cast<std::uint32_t>(bytes[i]) << (8 * i);
    hash *= mix;
  }
  hash ^= hash >> 13;
  hash *= mix;
  hash ^= hash >> 15;
  return static_cast<std::int32_t>(hash);
}

}  // namespace klamm::inline v0::log
