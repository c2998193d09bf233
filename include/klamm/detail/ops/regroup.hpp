#pragma once

#include <type_traits>
#include <utility>

#include "klamm/detail/ops/calls.hpp"
#include "klamm/detail/table_stage.hpp"
#include "klamm/update.hpp"

namespace klamm::inline v0::detail {

/// What `f` of `table.group_by(f)` made of a row: the key of its group, and what the group gets of it.
template <class R, class V> struct Selection {
  using Key = R;
  using Value = V;
  R made{};
  const V* value = nullptr;

  template <class T> void take(T&& result, const V& from) {
    made = static_cast<T&&>(result);
    value = &from;
  }
  R& key() { return made; }
};
template <class K, class W, class V> struct Selection<KeyValue<K, W>, V> {
  using Key = K;
  using Value = plain_t<W>;
  KeyValue<K, W> made{};
  const Value* value = nullptr;

  template <class T> void take(T&& result, const V&) {
    made = static_cast<T&&>(result);
    if constexpr (optional_v<W>)
      value = made.value ? &*made.value : nullptr;
    else
      value = &made.value;
  }
  K& key() { return made.key; }
};

/// `table.group_by(f)`: where the old row counted and where the new one counts. In one group this is one update, so that nobody sees the
/// group without either; in two it is two, the old one first. A null key or value is of no group.
template <class F, class R, class V> struct Regroup : Calls<F, Spreading> {
  static constexpr bool needs_old = true;
  static constexpr unsigned fresh = touches_key | touches_value;
  using Side = Selection<R, V>;
  using Key = typename Side::Key;
  mutable Side old_side{}, new_side{};
  mutable Update<typename Side::Value> slot{};
  mutable Bytes old_bytes{}, new_bytes{};

  template <class K, class Next>
  [[gnu::always_inline]] void operator()(K& key, Change<V>& change, RecordContext& context, Next& next) const {
    if (!admits<F, K, const V&>(this->node, context)) return;
    const bool leaves = belongs(old_side, key, change.old, context), joins = belongs(new_side, key, change.now, context);
    if (!leaves && !joins) return;
    context.null_key = false;
    if (leaves && joins) {
      bool same = false;
      if (!compare(same, context)) return;
      if (!same) {
        const RecordContext before = context;
        hand_on(old_side, old_side.value, nullptr, context, next);
        if (context.task->halted()) [[unlikely]]
          return;
        context = before;
      }
      return hand_on(new_side, same ? old_side.value : nullptr, new_side.value, context, next);
    }
    hand_on(leaves ? old_side : new_side, leaves ? old_side.value : nullptr, joins ? new_side.value : nullptr, context, next);
  }

 private:
  template <class K> bool belongs(Side& side, const K& key, const V* value, RecordContext& context) const {
    if (value == nullptr) return false;
    side.take(call<const V&>(this->f, key, *value, context), *value);
    if constexpr (optional_v<Key>) {
      if (!side.key()) return false;
    }
    return side.value != nullptr;
  }
  /// Whether both sides are of one group: their keys have the same bytes. False if they can't be serialised.
  bool compare(bool& same, RecordContext& context) const {
    if constexpr (canonical<Key>() && requires { static_cast<bool>(old_side.key() == new_side.key()); }) {
      same = old_side.key() == new_side.key();
    } else {
      old_bytes.clear();
      new_bytes.clear();
      Encoded result = encode(old_side.key(), old_bytes);
      if (result.ok()) result = encode(new_side.key(), new_bytes);
      if (!result.ok()) return context.task->unencodable(this->node, context, result), false;
      same = old_bytes == new_bytes;
    }
    return true;
  }
  template <class Next>
  void hand_on(Side& side, const typename Side::Value* before, const typename Side::Value* now, RecordContext& context, Next& next) const {
    slot.assign(before, now);
    next(side.key(), slot, context);
  }
};

}  // namespace klamm::inline v0::detail
