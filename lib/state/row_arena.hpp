#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "klamm/detail/rows.hpp"

namespace klamm::inline v0::state {

using detail::CommitNumber;
using detail::RowHandle;
inline constexpr RowHandle no_row = 0xffff'ffff;

/// Hands out memory for rows from one reserved range of addresses, so that growth never moves a row and a handle turns into
/// a pointer by one addition.
///
/// Only touched pages cost memory; behind the first few MiB they ask to be huge: uniform access to 1M rows is mostly TLB misses
/// without. Rows lie in pieces of 256 KiB; an empty piece can go back to the system. Up to 32 GiB; less where the machine does not let a
/// process reserve as much. Owned by one store; used on its thread only.
class RowArena {
 public:
  RowArena();
  ~RowArena();
  RowArena(const RowArena&) = delete;
  RowArena& operator=(const RowArena&) = delete;

  /// Returns uninitialised memory of at least `bytes`, aligned to 8. Throws std::bad_alloc when the range is full.
  RowHandle allocate(std::size_t bytes);
  /// Takes a row back; `bytes` as given to `allocate`. Reused for rows of the same size.
  void free(RowHandle row, std::size_t bytes);

  [[nodiscard]] std::byte* at(RowHandle row) const { return base_ + std::size_t{row} * unit; }
  [[nodiscard]] RowHandle handle(const std::byte* row) const {
    return static_cast<RowHandle>(static_cast<std::size_t>(row - base_) / unit);
  }
  [[nodiscard]] std::size_t used_bytes() const { return used_; }
  /// What it has of the machine's memory: rows that were freed are counted too.
  [[nodiscard]] std::size_t held_bytes() const { return held_ * unit; }

  static constexpr std::size_t piece_bytes = std::size_t{256} << 10;
  [[nodiscard]] std::size_t pieces() const { return piece_ends_.size(); }
  /// Where a piece's first row is and behind its last, free ones included; nothing for one that is empty, in use for new rows, or part of a
  /// row that is larger than a piece.
  [[nodiscard]] std::pair<RowHandle, RowHandle> rows_of(std::size_t piece) const;
  /// Gives pieces back, all rows of which are gone: those that are still to be told must not be, by `free`.
  void release(std::span<const std::size_t> pieces, std::size_t untold_bytes);

 private:
  static constexpr std::size_t unit = 8;

  std::byte* base_ = nullptr;
  std::size_t reserved_ = 0;
  std::vector<std::vector<RowHandle>> free_;  // by size in units
  std::vector<std::size_t> piece_ends_;       // in units, behind the last row of each piece
  std::vector<std::size_t> empty_;            // pieces
  std::size_t next_ = 0, end_ = 0;            // in units, of the piece for new rows
  std::size_t held_ = 0;                      // in units
  std::size_t used_ = 0;

  static constexpr std::size_t piece_units = piece_bytes / unit;
  static constexpr std::size_t no_end = ~std::size_t{0};
  void begin_piece(std::size_t units);
};

}  // namespace klamm::inline v0::state
