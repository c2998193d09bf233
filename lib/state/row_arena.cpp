#include "state/row_arena.hpp"

#include <sys/mman.h>

#include <new>

namespace klamm::inline v0::state {
namespace {

constexpr std::size_t most_bytes = std::size_t{0xffff'fffe} * 8 / 4096 * 4096;
constexpr std::size_t least_bytes = std::size_t{64} << 20;
constexpr std::size_t small_pages = std::size_t{4} << 20;

std::size_t units_of(std::size_t bytes) { return (bytes + 7) / 8; }

}  // namespace

RowArena::RowArena() {
  void* memory = MAP_FAILED;
  for (reserved_ = most_bytes;; reserved_ = reserved_ / 2 / 4096 * 4096) {
    memory = mmap(nullptr, reserved_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory != MAP_FAILED) break;
    if (reserved_ < least_bytes) throw std::bad_alloc();
  }
  base_ = static_cast<std::byte*>(memory);
  // A store of a few rows shall not cost a huge page.
  if (reserved_ > small_pages) madvise(base_ + small_pages, reserved_ - small_pages, MADV_HUGEPAGE);
}

RowArena::~RowArena() { munmap(base_, reserved_); }

RowHandle RowArena::allocate(std::size_t bytes) {
  const std::size_t units = units_of(bytes);
  if (units < free_.size() && !free_[units].empty()) {
    const RowHandle row = free_[units].back();
    free_[units].pop_back();
    used_ += units * unit;
    return row;
  }
  if ((next_ + units) * unit > reserved_) throw std::bad_alloc();
  const auto row = static_cast<RowHandle>(next_);
  next_ += units;
  used_ += units * unit;
  return row;
}

void RowArena::free(RowHandle row, std::size_t bytes) {
  const std::size_t units = units_of(bytes);
  if (units >= free_.size()) free_.resize(units + 1);
  free_[units].push_back(row);
  used_ -= units * unit;
}

}  // namespace klamm::inline v0::state
