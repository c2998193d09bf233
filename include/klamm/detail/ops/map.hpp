#pragma once

#include "klamm/detail/ops/calls.hpp"

namespace klamm::inline v0::detail {

/// Puts a result back where its argument came from; a reference may point into it.
template <class T, class R> [[gnu::always_inline]] inline void refill(T& slot, R&& result) {
  if constexpr (std::is_reference_v<R>) {
    T copy(static_cast<R&&>(result));
    slot = std::move(copy);
  } else {
    slot = std::move(result);
  }
}

/// A map to the same type: back into the slot.
template <class F> struct Remap : Calls<F, InPlace> {
  static constexpr unsigned touch = touches_value;
  template <class K, class V> [[gnu::always_inline]] bool operator()(K& key, V& value, RecordContext& context) const {
    using Passed = passed_t<F, V>;
    if (!admits<F, K, Passed>(this->node, context)) return false;
    using R = decltype(call<Passed>(this->f, key, value, context));
    refill<V, R>(value, call<Passed>(this->f, key, value, context));
    return true;
  }
};

/// A map to another type, or to key and value.
template <class F, bool Rekeys> struct Map : Calls<F, Spreading> {
  static constexpr unsigned fresh = Rekeys ? touches_key | touches_value : touches_value;
  static constexpr unsigned touch = reads_only<F>() ? touches_nothing : touches_value;
  template <class K, class V, class Next>
  [[gnu::always_inline]] void operator()(K& key, V& value, RecordContext& context, Next& next) const {
    using Passed = passed_t<F, V>;
    if (!admits<F, K, Passed>(this->node, context)) return;
    std::remove_cvref_t<decltype(call<Passed>(this->f, key, value, context))> result = call<Passed>(this->f, key, value, context);
    if constexpr (Rekeys) {
      context.null_key = std::is_same_v<decltype(result.key), NoKey>;
      next(result.key, result.value, context);
    } else {
      next(key, result, context);
    }
  }
};

}  // namespace klamm::inline v0::detail
