#pragma once

#include "klamm/detail/ops/calls.hpp"

namespace klamm::inline v0::detail {

/// filter, and with `Expected` false filter_not.
template <class F, bool Expected> struct Filter : Calls<F, InPlace> {
  template <class K, class V> [[gnu::always_inline]] bool operator()(K& key, V& value, RecordContext& context) const {
    return admits<F, K, const V&>(this->node, context) && static_cast<bool>(call<const V&>(this->f, key, value, context)) == Expected;
  }
};

}  // namespace klamm::inline v0::detail
