#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

#include "klamm/api.hpp"
#include "klamm/detail/callable.hpp"
#include "klamm/detail/chain.hpp"
#include "klamm/serde.hpp"

// What the operators that call a user's function have in common.

namespace klamm::inline v0::detail {

template <class T> constexpr bool key_value_v = false;
template <class K, class V> constexpr bool key_value_v<KeyValue<K, V>> = true;

/// Out of line, so that the test in front of it is all that chains contain.
KLAMM_API void refuse_null_key(NodeId node, const RecordContext& context);

/// Says who is at work. A plain store: between inlined operators only the last remains.
[[gnu::always_inline]] inline void at_work(NodeId node, RecordContext& context) { context.node = static_cast<std::int32_t>(node); }

/// Before each call: a callable that takes the key is not called for a null one; the record goes to the error policy.
template <class F, class K, class V, class... Lead> [[gnu::always_inline]] inline bool admits(NodeId node, RecordContext& context) {
  at_work(node, context);
  if constexpr (form_v<F, K, V, Lead...> == Form::key_value && !optional_v<K>) {
    if (context.null_key) [[unlikely]] {
      refuse_null_key(node, RecordContext(context));  // a copy: the chain's own context stays in registers
      return false;
    }
  }
  return true;
}

/// Whether a record has no key that a table could use.
template <class K> bool lacks_key(const K& key, const RecordContext& context) {
  if constexpr (optional_v<K>)
    return !key;
  else
    return context.null_key;
}

/// An operator with a function: an aggregate {function, node}. `bind` gives a per_task callable to the task's clone.
template <class F, class Base> struct Calls : Base {
  static constexpr bool binds = Callee<F>::binds;
  Callee<F> f;
  NodeId node;

  void bind(Task&, NodeId) {
    if constexpr (binds) f.bind();
  }
};

template <class Op, class F> Op make_op(NodeId node, F&& f) { return Op{{{{}}, {std::move(f)}, node}}; }

}  // namespace klamm::inline v0::detail
