#include "state/row_arena.hpp"

#include <sys/mman.h>

#include <algorithm>
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
  if (next_ + units > end_) begin_piece(units);
  const auto row = static_cast<RowHandle>(next_);
  next_ += units;
  held_ += units;
  used_ += units * unit;
  if (const std::size_t piece = row / piece_units; piece_ends_[piece] != no_end) piece_ends_[piece] = next_;
  return row;
}

void RowArena::begin_piece(std::size_t units) {
  std::size_t piece = piece_ends_.size();
  if (units <= piece_units && !empty_.empty()) {
    piece = empty_.back();
    empty_.pop_back();
    piece_ends_[piece] = piece * piece_units;
  } else {
    const std::size_t pieces = (units + piece_units - 1) / piece_units;
    if ((piece + pieces) * piece_bytes > reserved_) throw std::bad_alloc();
    piece_ends_.resize(piece + pieces, pieces == 1 ? piece * piece_units : no_end);
  }
  next_ = piece * piece_units;
  end_ = next_ + std::max(units, piece_units);
}

std::pair<RowHandle, RowHandle> RowArena::rows_of(std::size_t piece) const {
  const auto begin = static_cast<RowHandle>(piece * piece_units);
  const bool open = next_ > begin && next_ <= begin + piece_units && next_ != end_;
  if (piece_ends_[piece] == no_end || open) return {begin, begin};
  return {begin, static_cast<RowHandle>(piece_ends_[piece])};
}

void RowArena::release(std::span<const std::size_t> pieces, std::size_t untold_bytes) {
  const auto released = [&](RowHandle row) { return std::find(pieces.begin(), pieces.end(), row / piece_units) != pieces.end(); };
  for (auto& rows : free_) std::erase_if(rows, released);
  used_ -= untold_bytes;
  for (const std::size_t piece : pieces) {
    held_ -= piece_ends_[piece] - piece * piece_units;
    piece_ends_[piece] = piece * piece_units;
    madvise(base_ + piece * piece_bytes, piece_bytes, MADV_DONTNEED);
    empty_.push_back(piece);
  }
}

void RowArena::free(RowHandle row, std::size_t bytes) {
  const std::size_t units = units_of(bytes);
  if (units >= free_.size()) free_.resize(units + 1);
  free_[units].push_back(row);
  used_ -= units * unit;
}

}  // namespace klamm::inline v0::state
