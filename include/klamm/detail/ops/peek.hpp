#pragma once

#include "klamm/detail/ops/calls.hpp"

namespace klamm::inline v0::detail {

/// peek, and with `Terminal` for_each.
template <class F, bool Terminal> struct Peek : Calls<F, InPlace> {
  static constexpr bool terminal = Terminal;
  template <class K, class V> [[gnu::always_inline]] bool operator()(K& key, V& value, RecordContext& context) const {
    if (!admits<F, K, const V&>(this->node, context)) return false;
    call<const V&>(this->f, key, value, context);
    return true;
  }
};

}  // namespace klamm::inline v0::detail
