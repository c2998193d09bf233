#include "state/row_index.hpp"

#include <sys/mman.h>

#include <cstring>
#include <new>

namespace klamm::inline v0::state {

void RowIndex::erase(std::uint32_t hash, RowHandle row) {
  for (std::size_t b = home(hash);; b = after(b, hash)) {
    Bucket& bucket = buckets_[b];
    for (std::size_t i = 0; i < rows_per_bucket; ++i) {
      if (bucket.tags[i] == 0 || bucket.rows[i] != row) continue;
      bucket.tags[i] = 0;
      --size_;
      return;
    }
    --bucket.overflow;
  }
}

void RowIndex::place(std::uint32_t hash, RowHandle row) {
  for (std::size_t b = home(hash);; b = after(b, hash)) {
    Bucket& bucket = buckets_[b];
    if (const unsigned free = matching_tags(bucket.tags, 0); free != 0) {
      const int i = __builtin_ctz(free);
      bucket.tags[i] = tag_of(hash);
      bucket.rows[i] = row;
      return;
    }
    ++bucket.overflow;
  }
}

void RowIndex::allocate(unsigned log2) {
  const std::size_t bytes = sizeof(Bucket) << log2;
  constexpr std::size_t huge = std::size_t{2} << 20;
  void* memory = std::aligned_alloc(bytes >= huge ? huge : 64, bytes);
  if (memory == nullptr) throw std::bad_alloc();
  if (bytes >= huge) madvise(memory, bytes, MADV_HUGEPAGE);
  std::memset(memory, 0, bytes);
  buckets_.reset(static_cast<Bucket*>(memory));
  mask_ = (std::size_t{1} << log2) - 1;
  shift_ = 32 - log2;
}

}  // namespace klamm::inline v0::state
