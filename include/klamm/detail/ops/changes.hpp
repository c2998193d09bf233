#pragma once

#include <optional>

#include "klamm/detail/table_stage.hpp"
#include "klamm/update.hpp"

// The ways out of a table.

namespace klamm::inline v0::detail {

/// The first operator of `upserts()`: new values only, in a slot that may be written to.
template <class A> struct Upserts : Spreading {
  static constexpr unsigned fresh = touches_value;
  mutable A slot{};
  template <class K, class Next>
  [[gnu::always_inline]] void operator()(K& key, Change<A>& change, RecordContext& context, Next& next) const {
    if (change.now == nullptr) return;
    slot = *change.now;
    next(key, slot, context);
  }
};

/// The first operator of `to_stream()`: erased keys as nullopt.
template <class A> struct Changes : Spreading {
  static constexpr unsigned fresh = touches_value;
  mutable std::optional<A> slot{};
  template <class K, class Next>
  [[gnu::always_inline]] void operator()(K& key, Change<A>& change, RecordContext& context, Next& next) const {
    if (change.now == nullptr)
      slot.reset();
    else
      slot = *change.now;
    next(key, slot, context);
  }
};

/// The first operator of `changes()`: old and new values.
template <class A> struct Updates : Spreading {
  static constexpr bool needs_old = true;
  static constexpr unsigned fresh = touches_value;
  mutable Update<A> slot{};
  template <class K, class Next>
  [[gnu::always_inline]] void operator()(K& key, Change<A>& change, RecordContext& context, Next& next) const {
    slot.assign(change.old, change.now);
    next(key, slot, context);
  }
};

/// `table.to(topic)`: values and tombstones, straight from the store.
template <class TK> struct WriteChange : SinkEnd {
  template <class K, class A> bool operator()(K& key, Change<A>& change, RecordContext& context) const {
    put<TK, K, A>(*writer, key, change.now, context);
    return true;
  }
};

}  // namespace klamm::inline v0::detail
