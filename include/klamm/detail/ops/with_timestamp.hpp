#pragma once

#include "klamm/detail/ops/calls.hpp"

namespace klamm::inline v0::detail {

/// Out of line, as `refuse_null_key` is.
KLAMM_API void drop_negative_time(NodeId node, const RecordContext& context);

template <class F> struct WithTimestamp : Calls<F, InPlace> {
  template <class K, class V> [[gnu::always_inline]] bool operator()(K& key, V& value, RecordContext& context) const {
    if (!admits<F, K, const V&>(this->node, context)) return false;
    Timestamp time;
    if constexpr (std::is_same_v<std::remove_cvref_t<result_t<F, K, const V&>>, Timestamp>)
      time = call<const V&>(this->f, key, value, context);
    else
      time = Timestamp{static_cast<std::int64_t>(call<const V&>(this->f, key, value, context))};
    if (time < Timestamp{}) [[unlikely]] {
      drop_negative_time(this->node, RecordContext(context));
      return false;
    }
    context.timestamp = time;
    return true;
  }
};

}  // namespace klamm::inline v0::detail
