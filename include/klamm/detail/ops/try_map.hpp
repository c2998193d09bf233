#pragma once

#include "klamm/detail/ops/map.hpp"
#include "klamm/detail/speak.hpp"
#include "klamm/status.hpp"

namespace klamm::inline v0 {

template <class T> inline constexpr bool borrowed_v<Result<T>> = borrowed_v<T>;

namespace detail {

template <class R> struct unwrapped { using type = void; };
template <class T> struct unwrapped<Result<T>> { using type = T; };
/// T of Result<T>; void for all else.
template <class R> using unwrapped_t = typename unwrapped<std::remove_cvref_t<R>>::type;

template <class F, class K, class V> constexpr bool gives_result() {
  if constexpr (!callable_v<F, K, V>)
    return true;
  else
    return !std::is_void_v<unwrapped_t<result_t<F, K, V>>>;
}
template <class F, class K, class V> constexpr bool returns_result_v = gives_result<F, K, V>();
template <class F, class K, class V> constexpr bool unwraps_to_slot() {
  if constexpr (!callable_v<F, K, V>)
    return true;
  else if constexpr (std::is_void_v<unwrapped_t<result_t<F, K, V>>>)
    return true;
  else
    return slot_v<unwrapped_t<result_t<F, K, V>>>;
}
template <class F, class K, class V> constexpr bool default_constructible_value_v = unwraps_to_slot<F, K, V>();

/// Out of line, as `refuse_null_key` is.
KLAMM_API void refuse_result(NodeId node, const RecordContext& context, const Status& status);

/// A try_map to the same type: back into the slot.
template <class F> struct TryRemap : Calls<F, InPlace> {
  static constexpr unsigned touch = touches_value;
  template <class K, class V> [[gnu::always_inline]] bool operator()(K& key, V& value, RecordContext& context) const {
    using Passed = passed_t<F, V>;
    if (!admits<F, K, Passed>(this->node, context)) return false;
    auto result = call<Passed>(this->f, key, value, context);
    if (!result.ok()) [[unlikely]] {
      refuse_result(this->node, RecordContext(context), result.status());
      return false;
    }
    value = std::move(*result);
    return true;
  }
};

/// A try_map to another type, or to key and value.
template <class F, bool Rekeys> struct TryMap : Calls<F, Spreading> {
  static constexpr unsigned fresh = Rekeys ? touches_key | touches_value : touches_value;
  static constexpr unsigned touch = reads_only<F>() ? touches_nothing : touches_value;
  template <class K, class V, class Next>
  [[gnu::always_inline]] void operator()(K& key, V& value, RecordContext& context, Next& next) const {
    using Passed = passed_t<F, V>;
    if (!admits<F, K, Passed>(this->node, context)) return;
    auto result = call<Passed>(this->f, key, value, context);
    if (!result.ok()) [[unlikely]]
      return refuse_result(this->node, RecordContext(context), result.status());
    if constexpr (Rekeys) {
      context.null_key = std::is_same_v<decltype(result->key), NoKey>;
      next(result->key, result->value, context);
    } else {
      next(key, *result, context);
    }
  }
};

}  // namespace detail
}  // namespace klamm::inline v0
