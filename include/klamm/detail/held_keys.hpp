#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "klamm/api.hpp"
#include "klamm/record.hpp"

namespace klamm::inline v0::detail {

/// Numbers keys in the order in which they come. Keeps its memory when it is cleared.
class KLAMM_API HeldKeys {
 public:
  struct Found {
    std::size_t number;
    bool added;
  };
  Found add(BytesView key);
  /// The key's number, or `size()`.
  [[nodiscard]] std::size_t find(BytesView key) const;
  [[nodiscard]] BytesView key(std::size_t number) const;
  [[nodiscard]] std::size_t size() const { return keys_.size(); }
  /// What the keys take.
  [[nodiscard]] std::size_t bytes() const { return bytes_.size() + keys_.size() * sizeof(Key); }
  void clear();

 private:
  struct Key {
    std::size_t end;  // of its bytes, which begin where the one before ends
    std::uint64_t hash;
  };
  static std::uint64_t hash_of(BytesView key);
  /// Where the key is, or its number belongs.
  [[nodiscard]] std::size_t slot_of(BytesView key, std::uint64_t hash) const;
  void grow();

  Bytes bytes_;
  std::vector<Key> keys_;
  std::vector<std::uint32_t> slots_;  // open addressing; the number + 1, 0: free
};

}  // namespace klamm::inline v0::detail
