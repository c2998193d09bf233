#pragma once

#include <algorithm>
#include <cstring>
#include <new>

#include "klamm/detail/rows.hpp"
#include "state/key_hash.hpp"
#include "state/row_arena.hpp"
#include "state/row_index.hpp"

namespace klamm::inline v0::state {

using detail::RowMeta;

/// Rows by key, without their value's type: value bytes first, what is known of the row behind them, then the key.
/// Values are made and destroyed by the store. Used on its thread only.
class RowTable {
 public:
  explicit RowTable(std::size_t value_bytes) : meta_offset_{(value_bytes + alignof(RowMeta) - 1) / alignof(RowMeta) * alignof(RowMeta)} {}

  [[nodiscard]] std::byte* at(RowHandle handle) const { return arena_.at(handle); }
  [[nodiscard]] RowHandle handle(const std::byte* row) const { return arena_.handle(row); }
  [[nodiscard]] RowMeta& meta(std::byte* row) const { return *std::launder(reinterpret_cast<RowMeta*>(row + meta_offset_)); }
  [[nodiscard]] RowMeta& meta(RowHandle handle) const { return meta(at(handle)); }
  [[nodiscard]] BytesView key(std::byte* row) const { return {row + meta_offset_ + key_offset, meta(row).key_size_}; }
  [[nodiscard]] BytesView key(RowHandle handle) const { return key(at(handle)); }

  [[nodiscard]] RowHandle find(std::uint32_t hash, BytesView key) const {
    return index_.find(hash, [&](RowHandle handle) {
      std::byte* row = at(handle);
      return meta(row).key_size_ == key.size() && equal_bytes(row + meta_offset_ + key_offset, key.data(), key.size());
    });
  }
  /// Adds a row for a key that is known to be absent; `construct(row)` makes its value and meta.
  template <class Construct> RowHandle add(std::uint32_t hash, BytesView key, Construct construct) {
    const RowHandle handle = arena_.allocate(bytes_for(key.size()));
    std::byte* row = at(handle);
    construct(row);
    meta(row).key_size_ = static_cast<std::uint32_t>(key.size()) & 0x3fff'ffffU;
    if (!key.empty()) std::memcpy(row + meta_offset_ + key_offset, key.data(), key.size());
    index_.insert(hash, handle, [this](RowHandle other) { return hash_key(this->key(other)); });
    return handle;
  }
  /// Takes a row out; its value stays to be destroyed by `destroy(row)`.
  template <class Destroy> void remove(RowHandle handle, Destroy destroy) {
    std::byte* row = at(handle);
    const std::size_t bytes = bytes_for(meta(row).key_size_);
    index_.erase(hash_key(key(row)), handle);
    destroy(row);
    arena_.free(handle, bytes);
  }

  /// The same for a row whose memory goes back to the system with its piece. Returns its bytes.
  template <class Destroy> std::size_t remove_with_piece(RowHandle handle, Destroy destroy) {
    std::byte* row = at(handle);
    const std::size_t bytes = bytes_of(handle);
    index_.erase(hash_key(key(row)), handle);
    destroy(row);
    return bytes;
  }
  [[nodiscard]] RowArena& arena() { return arena_; }
  /// Bytes of a row in memory, also of one that was removed and not used again.
  [[nodiscard]] std::size_t bytes_of(RowHandle handle) const { return (bytes_for(meta(handle).key_size_) + 7) / 8 * 8; }

  /// Calls `visit(row)` for all rows, in no order; rows are scattered, so they are asked for early.
  template <class Visit> void for_each(Visit visit) const {
    constexpr std::size_t ahead = 24;
    for (std::size_t i = 0; i < index_.capacity(); ++i) {
      if (i + ahead < index_.capacity()) {
        if (const RowHandle next = index_.row(i + ahead); next != no_row) __builtin_prefetch(at(next));
      }
      if (const RowHandle handle = index_.row(i); handle != no_row) visit(at(handle));
    }
  }

  [[nodiscard]] const RowIndex& index() const { return index_; }
  [[nodiscard]] std::size_t size() const { return index_.size(); }
  [[nodiscard]] std::size_t bytes() const { return arena_.used_bytes() + index_.bytes(); }
  /// What of it would be free if rows went.
  [[nodiscard]] std::size_t held_bytes() const { return arena_.held_bytes() + index_.bytes(); }

 private:
  // The key starts in what is padding at the end of RowMeta.
  static constexpr std::size_t key_offset = 20;
  static_assert(sizeof(RowMeta) == 24 && alignof(RowMeta) == 8);
  [[nodiscard]] std::size_t bytes_for(std::size_t key_bytes) const {
    return std::max(meta_offset_ + sizeof(RowMeta), meta_offset_ + key_offset + key_bytes);
  }

  const std::size_t meta_offset_;
  RowArena arena_;
  RowIndex index_;
};

}  // namespace klamm::inline v0::state
