#pragma once

#include <type_traits>
#include <utility>

#include "klamm/detail/stage.hpp"

// Chains: operators on a temporary handle add themselves to a type, which becomes one stage with one inlined loop.
//
//   chain := From<K, V> | Here<K, V> | Then<chain, operator>
//
// Two kinds of operators. One *in place* is called with the slots and says whether the record goes on; neighbours of that kind compose into
// one `Both`, straight-line code. One that *spreads* (changes a type, or makes many of one) is given what comes next as a function.

namespace klamm::inline v0::detail {

/// The first member of every part of a chain: a pointer, never used.
///
/// g++ 12 at -O2 loses pointers when a part is copied out of the middle of a larger object. Its points-to analysis keeps one variable for
/// neighbouring members without pointers; where the copied part begins inside such a variable (behind the two NodeIds of a `Place`, say),
/// it measures the part's size from the variable's beginning, and what lies at the part's end is not copied: a local that a lambda there
/// captures by reference counts as never changed (get_constraint_for_1 in tree-ssa-structalias.cc; gone with -fno-tree-pta; no undefined
/// behaviour is involved). A pointer is a variable of its own, so a part that begins with one is measured right.
/// tests/dsl/captures_test.cpp fails when that changes.
struct Fence {
  const void* none = nullptr;
};

/// The root of a chain that reads a topic.
template <class K, class V> struct From : Fence {
  using key = K;
  using value = V;
  static constexpr bool root = true, source = true, binds = false, terminal = false, needs_old = false;
  static constexpr unsigned touch = touches_nothing, fresh = touches_nothing;
};

/// The root of a chain that reads another stage; a handle with this chain is a branch point.
template <class K, class V> struct Here : Fence {
  using key = K;
  using value = V;
  static constexpr bool root = true, source = false, binds = false, terminal = false, needs_old = false;
  static constexpr unsigned touch = touches_nothing, fresh = touches_nothing;
};

/// What all operators have. `binds`: needs something of its task. `touch`: the slots it writes to. `fresh`: the slots of its own that it
/// gives to what comes next. `needs_old`: of a table's changes it wants the old values too.
struct Operator : Fence {
  static constexpr bool binds = false, terminal = false, needs_old = false;
  static constexpr unsigned touch = touches_nothing, fresh = touches_nothing;
};
struct InPlace : Operator {
  static constexpr bool in_place = true;
};
struct Spreading : Operator {
  static constexpr bool in_place = false;
};

/// Two operators in place, one after the other.
template <class A, class B> struct Both : InPlace {
  static constexpr bool binds = A::binds || B::binds, terminal = B::terminal;
  static constexpr unsigned touch = A::touch | B::touch;
  A first;
  B second;

  template <class K, class V> [[gnu::always_inline]] bool operator()(K& key, V& value, RecordContext& context) const {
    return first(key, value, context) && second(key, value, context);
  }
  void bind(Task& task, NodeId stage) {
    if constexpr (A::binds) first.bind(task, stage);
    if constexpr (B::binds) second.bind(task, stage);
  }
};

template <class Prev, class Op> struct Then {
  using key = typename Prev::key;
  using value = typename Prev::value;
  static constexpr bool root = false, source = Prev::source, binds = Prev::binds || Op::binds, terminal = Op::terminal;
  static constexpr bool needs_old = Prev::needs_old || Op::needs_old;
  static constexpr unsigned touch = Prev::touch | (Op::touch & ~Prev::fresh), fresh = Prev::fresh | Op::fresh;
  Prev prev;
  Op op;

  /// Takes one record through the chain; what comes out is given to `next`.
  template <class K, class V, class Next> [[gnu::always_inline]] void run(K& k, V& v, RecordContext& context, Next& next) const {
    if constexpr (Prev::root) {
      step(k, v, context, next);
    } else {
      auto then = [this, &next](auto& k2, auto& v2, RecordContext& context2) { this->step(k2, v2, context2, next); };
      prev.run(k, v, context, then);
    }
  }
  void bind(Task& task, NodeId stage) {
    if constexpr (Prev::binds) prev.bind(task, stage);
    if constexpr (Op::binds) op.bind(task, stage);
  }

 private:
  template <class K, class V, class Next> [[gnu::always_inline]] void step(K& k, V& v, RecordContext& context, Next& next) const {
    if constexpr (!Op::in_place) {
      op(k, v, context, next);
    } else if (op(k, v, context)) {
      if constexpr (!Op::terminal) next(k, v, context);
    }
  }
};

template <class Chain, class Op> struct appended {
  using type = Then<Chain, Op>;
  static type make(Chain&& chain, Op&& op) { return {std::move(chain), std::move(op)}; }
};
template <class Prev, class Last, class Op>
requires(Last::in_place&& Op::in_place) struct appended<Then<Prev, Last>, Op> {
  using type = Then<Prev, Both<Last, Op>>;
  static type make(Then<Prev, Last>&& chain, Op&& op) { return {std::move(chain.prev), {{{}}, std::move(chain.op), std::move(op)}}; }
};
template <class Chain, class Op> using appended_t = typename appended<Chain, Op>::type;

}  // namespace klamm::inline v0::detail
