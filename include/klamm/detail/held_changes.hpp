#pragma once

#include <cstddef>
#include <vector>

#include "klamm/detail/heap_bytes.hpp"
#include "klamm/detail/held_keys.hpp"

namespace klamm::inline v0::detail {

/// The changes of a table that are kept back for the commit: of each key the value that was told last, and the record that changed it last.
/// The value now is the row's. Slots are used again from commit to commit.
template <class K, class A> class HeldChanges {
 public:
  struct Held {
    K key{};
    A old{};
    bool had_old = false;
    RecordContext context{};
    Bytes headers{};
  };

  /// `old`: what was told last, or null; only the first since the last `clear` counts.
  void add(BytesView bytes, const K& key, const A* old, const RecordContext& context) {
    const HeldKeys::Found found = keys_.add(bytes);
    if (found.number >= held_.size()) held_.emplace_back();
    Held& held = held_[found.number];
    if (found.added) {
      held.key = key;
      held.had_old = old != nullptr;
      if (held.had_old) held.old = *old;
      value_bytes_ += sizeof(Held) + heap_bytes(held.key) + (held.had_old ? heap_bytes(held.old) : 0);
    }
    held.context = context;
    held.headers.assign(context.headers.bytes().begin(), context.headers.bytes().end());
    if (found.added) value_bytes_ += held.headers.capacity();
    held.context.headers = Headers{held.headers};
  }

  /// What is kept back of a key, by its number; `size()`: nothing.
  [[nodiscard]] std::size_t find(BytesView bytes) const { return keys_.find(bytes); }
  [[nodiscard]] std::size_t size() const { return keys_.size(); }
  [[nodiscard]] std::size_t bytes() const { return keys_.bytes() + value_bytes_; }
  [[nodiscard]] BytesView key(std::size_t i) const { return keys_.key(i); }
  [[nodiscard]] Held& at(std::size_t i) { return held_[i]; }
  void clear() {
    keys_.clear();
    value_bytes_ = 0;
  }

 private:
  HeldKeys keys_;
  std::vector<Held> held_;  // the first `size()` of them are in use
  std::size_t value_bytes_ = 0;
};

}  // namespace klamm::inline v0::detail
