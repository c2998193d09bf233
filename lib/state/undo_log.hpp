#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "klamm/detail/rows.hpp"
#include "state/row_arena.hpp"

namespace klamm::inline v0::state {

/// What a row was before a generation touched it first, but for its value, which the typed store keeps under the same number.
struct Undo {
  Timestamp timestamp;
  RowHandle row;
  std::uint32_t mark : 31;  // the row's mark before: leads to an older generation's entry
  std::uint32_t present : 1;
};

/// The touched rows of one generation, in order of their first touch. Entries are assigned over, never destroyed.
class UndoLog {
 public:
  /// The entry of `row`, given what is known of it; null when this generation has not touched it. Marks may wrap: the entry decides.
  [[nodiscard]] const Undo* entry(RowHandle row, std::uint32_t mark) const {
    const std::uint32_t place = (mark - begin_) & mark_mask;
    return place < size_ && entries_[place].row == row ? &entries_[place] : nullptr;
  }
  [[nodiscard]] const Undo* entry(RowHandle row, const detail::RowMeta& meta) const { return entry(row, meta.mark_); }

  /// Adds an entry for `row` and returns its number.
  std::uint32_t add(RowHandle row, detail::RowMeta& meta) {
    if (size_ == entries_.size()) entries_.resize(std::max<std::size_t>(64, std::size_t{size_} * 2));
    Undo& undo = entries_[size_];
    undo.timestamp = meta.timestamp;
    undo.row = row;
    undo.mark = meta.mark_ & mark_mask;
    undo.present = meta.present_;
    meta.mark_ = (begin_ + size_) & mark_mask;
    return size_++;
  }

  /// Makes of a row what it was, but for its value. Its mark may stay: the log it leads into is cleared.
  static void put_back(const Undo& undo, detail::RowMeta& meta) {
    meta.timestamp = undo.timestamp;
    meta.present_ = undo.present;
  }

  Undo& operator[](std::size_t i) { return entries_[i]; }
  [[nodiscard]] std::uint32_t number(const Undo& undo) const { return static_cast<std::uint32_t>(&undo - entries_.data()); }
  [[nodiscard]] std::size_t size() const { return size_; }
  /// Entries there is memory for.
  [[nodiscard]] std::size_t capacity() const { return entries_.size(); }
  void clear() { size_ = 0; }
  /// Goes on with the marks where `other` ends.
  void start_behind(const UndoLog& other) {
    size_ = 0;
    begin_ = (other.begin_ + other.size_) & mark_mask;
  }

 private:
  static constexpr std::uint32_t mark_mask = 0x7fff'ffff;

  std::vector<Undo> entries_;
  std::uint32_t size_ = 0;
  std::uint32_t begin_ = 1;  // mark of the first entry
};

}  // namespace klamm::inline v0::state
