#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "state/row_arena.hpp"

namespace klamm::inline v0::state {

/// A bit for each of the first twelve bytes of `tags` that is `tag`. `tags` has sixteen bytes.
inline unsigned matching_tags_portable(const std::uint8_t* tags, std::uint8_t tag) {
  unsigned matches = 0;
  for (unsigned i = 0; i < 12; ++i) matches |= static_cast<unsigned>(tags[i] == tag) << i;
  return matches;
}
inline unsigned matching_tags(const std::uint8_t* tags, std::uint8_t tag) {
#if defined(__SSE2__)
  const __m128i all = _mm_load_si128(reinterpret_cast<const __m128i*>(tags));
  return static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(all, _mm_set1_epi8(static_cast<char>(tag))))) & 0xfff;
#else
  return matching_tags_portable(tags, tag);
#endif
}

/// Finds rows by the hash of their keys: buckets of one cache line, twelve rows each, as in folly's F14.
///
/// A probe is one miss and no branch that depends on the fill (linear probing mispredicts behind the miss, which stops
/// the CPU from overlapping it with the next record's). 5 to 10 bytes per row. Owned by one store; used on its thread only.
class RowIndex {
 public:
  static constexpr std::size_t rows_per_bucket = 12;

  RowIndex() { allocate(4); }

  /// Returns the row for which `equal(row)` holds among those with this hash, or `no_row`.
  template <class Equal> [[nodiscard]] RowHandle find(std::uint32_t hash, Equal equal) const {
    std::size_t b = home(hash);
    for (std::size_t tries = 0; tries <= mask_; ++tries, b = after(b, hash)) {
      const Bucket& bucket = buckets_[b];
      for (unsigned match = matching_tags(bucket.tags, tag_of(hash)); match != 0; match &= match - 1) {
        const RowHandle row = bucket.rows[__builtin_ctz(match)];
        if (equal(row)) return row;
      }
      if (bucket.overflow == 0) break;
    }
    return no_row;
  }
  /// Buckets that a look-up of an absent key with this hash looks at.
  [[nodiscard]] std::size_t probes(std::uint32_t hash) const {
    std::size_t count = 1;
    for (std::size_t b = home(hash); count <= mask_ && buckets_[b].overflow != 0; b = after(b, hash)) ++count;
    return count;
  }

  void prefetch(std::uint32_t hash) const { __builtin_prefetch(&buckets_[home(hash)]); }
  /// A row that may have this hash, without looking at it.
  [[nodiscard]] RowHandle likely(std::uint32_t hash) const {
    const Bucket& bucket = buckets_[home(hash)];
    const unsigned match = matching_tags(bucket.tags, tag_of(hash));
    return bucket.rows[match != 0 ? __builtin_ctz(match) : 0];
  }

  /// Adds a row that is known to be absent; `hash_of(row)` is asked for all rows when the index grows.
  template <class HashOf> void insert(std::uint32_t hash, RowHandle row, HashOf hash_of) {
    if (size_ + 1 > capacity() / 5 * 4) grow(hash_of);
    place(hash, row);
    ++size_;
  }

  /// Removes a row that is known to be here.
  void erase(std::uint32_t hash, RowHandle row);

  /// The row in place `i` of `capacity()`, or `no_row`.
  [[nodiscard]] RowHandle row(std::size_t i) const {
    const Bucket& bucket = buckets_[i / rows_per_bucket];
    return bucket.tags[i % rows_per_bucket] == 0 ? no_row : bucket.rows[i % rows_per_bucket];
  }
  /// The same in an order that passes all buckets before it passes one again: rows that go in this order leave all of them alike.
  /// Bucket by bucket, those that wait for their turn would overflow far into the ones that had it.
  [[nodiscard]] RowHandle row_in_turn(std::size_t i) const {
    const Bucket& bucket = buckets_[i & mask_];
    const std::size_t place = i >> (32 - shift_);
    return bucket.tags[place] == 0 ? no_row : bucket.rows[place];
  }
  [[nodiscard]] std::size_t capacity() const { return (mask_ + 1) * rows_per_bucket; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t bytes() const { return (mask_ + 1) * sizeof(Bucket); }

 private:
  struct alignas(64) Bucket {
    std::uint8_t tags[rows_per_bucket];  // 0: free
    std::uint32_t overflow;              // rows that passed here on their way to a later bucket
    RowHandle rows[rows_per_bucket];
  };
  static_assert(sizeof(Bucket) == 64);
  struct Release {
    void operator()(Bucket* p) const { std::free(p); }
  };

  static std::uint8_t tag_of(std::uint32_t hash) { return static_cast<std::uint8_t>((hash & 0xff) | ((hash & 0xff) == 0)); }
  [[nodiscard]] std::size_t home(std::uint32_t hash) const { return hash >> shift_; }

  /// Where a row goes whose bucket is full: another way for each tag, so that full buckets don't fill their neighbours. Passes all buckets.
  [[nodiscard]] std::size_t after(std::size_t bucket, std::uint32_t hash) const { return (bucket + 2U * tag_of(hash) + 1) & mask_; }

  void place(std::uint32_t hash, RowHandle row);
  void allocate(unsigned log2);

  template <class HashOf> void grow(HashOf hash_of) {
    const std::size_t n = mask_ + 1;
    const auto old = std::move(buckets_);
    allocate(32 - shift_ + 1);
    for (std::size_t b = 0; b < n; ++b) {
      for (std::size_t i = 0; i < rows_per_bucket; ++i) {
        if (old[b].tags[i] != 0) place(hash_of(old[b].rows[i]), old[b].rows[i]);
      }
    }
  }

  std::unique_ptr<Bucket[], Release> buckets_;
  std::size_t mask_ = 0;
  std::size_t size_ = 0;
  unsigned shift_ = 0;
};

}  // namespace klamm::inline v0::state
