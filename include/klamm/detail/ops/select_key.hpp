#pragma once

#include "klamm/detail/ops/calls.hpp"

namespace klamm::inline v0::detail {

/// select_key and group_by to the same key type: back into the slot.
template <class F> struct SelectKeyInPlace : Calls<F, InPlace> {
  static constexpr unsigned touch = touches_key;
  template <class K, class V> [[gnu::always_inline]] bool operator()(K& key, V& value, RecordContext& context) const {
    if (!admits<F, K, const V&>(this->node, context)) return false;
    key = call<const V&>(this->f, key, value, context);
    context.null_key = false;
    return true;
  }
};

template <class F> struct SelectKey : Calls<F, Spreading> {
  static constexpr unsigned fresh = touches_key;
  template <class K, class V, class Next>
  [[gnu::always_inline]] void operator()(K& key, V& value, RecordContext& context, Next& next) const {
    if (!admits<F, K, const V&>(this->node, context)) return;
    std::remove_cvref_t<decltype(call<const V&>(this->f, key, value, context))> selected = call<const V&>(this->f, key, value, context);
    context.null_key = false;
    next(selected, value, context);
  }
};

}  // namespace klamm::inline v0::detail
