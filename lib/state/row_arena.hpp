#pragma once

#include <cstddef>
#include <cstdint>
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
/// without. Up to 32 GiB; less where the machine does not let a process reserve as much. Owned by one store; used on its thread only.
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

 private:
  static constexpr std::size_t unit = 8;

  std::byte* base_ = nullptr;
  std::size_t reserved_ = 0;
  std::vector<std::vector<RowHandle>> free_;  // by size in units
  std::size_t next_ = 0;                      // in units
  std::size_t used_ = 0;
};

}  // namespace klamm::inline v0::state
