#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace klamm::inline v0::state {

/// Says "certainly never seen" of a key's hash: a blocked Bloom filter, four bits in one word of 64.
///
/// Once rows are evicted a miss in memory would ask the file; for keys that are new (deduplication, sessions, windows) this makes
/// most misses final again. Of fixed size, so that it grows worse and never bigger: with 8 bits per key 4 % of the misses ask the file in
/// vain. Not shared between threads.
class KeyFilter {
 public:
  /// Of no bytes: has seen everything.
  explicit KeyFilter(std::size_t bytes = 0) : words_(bytes == 0 ? 0 : std::max<std::size_t>(bytes / 8, 8)) {}

  [[nodiscard]] bool empty() const { return words_.empty(); }
  [[nodiscard]] std::size_t bytes() const { return words_.size() * 8; }

  void add(std::uint32_t hash) { words_[place(hash)] |= bits(hash); }
  [[nodiscard]] bool may_have(std::uint32_t hash) const { return (words_[place(hash)] & bits(hash)) == bits(hash); }
  /// Adds what another filter of the same size has seen.
  void merge(const KeyFilter& other) {
    for (std::size_t i = 0; i < words_.size(); ++i) words_[i] |= other.words_[i];
  }

 private:
  [[nodiscard]] std::size_t place(std::uint32_t hash) const {
    const std::uint64_t mixed = ((hash + 1ULL) * 0x9e3779b97f4a7c15ULL) >> 32;
    return static_cast<std::size_t>((mixed * words_.size()) >> 32);
  }
  static std::uint64_t bits(std::uint32_t hash) {
    std::uint64_t mixed = (hash ^ 0x9e3779b97f4a7c15ULL) * 0xd6e8feb86659fd93ULL;
    mixed = (mixed ^ mixed >> 32) * 0xd6e8feb86659fd93ULL;
    return 1ULL << (mixed >> 58) | 1ULL << (mixed >> 52 & 63) | 1ULL << (mixed >> 46 & 63) | 1ULL << (mixed >> 40 & 63);
  }

  std::vector<std::uint64_t> words_;
};

}  // namespace klamm::inline v0::state
