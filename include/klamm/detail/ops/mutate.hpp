#pragma once

#include "klamm/detail/ops/calls.hpp"

namespace klamm::inline v0::detail {

template <class F> struct Mutate : Calls<F, InPlace> {
  static constexpr unsigned touch = touches_value;
  template <class K, class V> [[gnu::always_inline]] bool operator()(K& key, V& value, RecordContext& context) const {
    if (!admits<F, K, V&>(this->node, context)) return false;
    call<V&>(this->f, key, value, context);
    return true;
  }
};

}  // namespace klamm::inline v0::detail
