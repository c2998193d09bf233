#pragma once

#include <cstring>
#include <memory>
#include <vector>

#include "klamm/record.hpp"

namespace klamm::inline v0::rdkafka {

/// Memory for the bytes of a few records, given back all at once and used again. What was put stays where it is.
class Arena {
 public:
  /// Copies the bytes; null stays null, empty stays empty.
  BytesView put(const void* bytes, std::size_t size) {
    if (bytes == nullptr) return {};
    std::byte* at = take(size);
    if (size != 0) std::memcpy(at, bytes, size);
    return {at, size};
  }
  [[nodiscard]] std::size_t size() const { return total_; }
  void clear() {
    chunk_ = 0;
    used_ = 0;
    total_ = 0;
    large_.clear();
  }

 private:
  static constexpr std::size_t chunk_bytes = std::size_t{64} << 10;

  std::byte* take(std::size_t size) {
    total_ += size;
    if (size > chunk_bytes / 2) {
      large_.push_back(std::make_unique_for_overwrite<std::byte[]>(size));
      return large_.back().get();
    }
    if (used_ + size > chunk_bytes) {
      ++chunk_;
      used_ = 0;
    }
    if (chunk_ == chunks_.size()) chunks_.push_back(std::make_unique_for_overwrite<std::byte[]>(chunk_bytes));
    std::byte* at = chunks_[chunk_].get() + used_;
    used_ += size;
    return at;
  }

  std::vector<std::unique_ptr<std::byte[]>> chunks_, large_;
  std::size_t chunk_ = 0, used_ = 0, total_ = 0;
};

}  // namespace klamm::inline v0::rdkafka
