#pragma once

#include <iterator>

#include "klamm/detail/ops/calls.hpp"

namespace klamm::inline v0::detail {

/// Whether a range that `f` returned by value is the owner of its elements, so that they can be used as slots: a container hands out const
/// elements when it is const itself, a view does not.
template <class Range> constexpr bool owns_elements() {
  if constexpr (std::is_reference_v<Range> || !requires(const Range& range) { std::begin(range); }) {
    return false;
  } else {
    using Element = decltype(*std::begin(std::declval<Range&>()));
    using Const = decltype(*std::begin(std::declval<const Range&>()));
    return std::is_lvalue_reference_v<Element> && !std::is_const_v<std::remove_reference_t<Element>> &&
           std::is_same_v<Const, const std::remove_reference_t<Element>&>;
  }
}

/// `Key` is the stream's key type: each element gets a copy of the key, because what comes next may write to it.
template <class F, class Key> struct FlatMap : Calls<F, Spreading> {
  static constexpr unsigned fresh = touches_key | touches_value;
  static constexpr unsigned touch = reads_only<F>() ? touches_nothing : touches_value;
  mutable Key slot{};

  template <class K, class V, class Next>
  [[gnu::always_inline]] void operator()(K& key, V& value, RecordContext& context, Next& next) const {
    using Passed = passed_t<F, V>;
    if (!admits<F, K, Passed>(this->node, context)) return;
    using Range = decltype(call<Passed>(this->f, key, value, context));
    const RecordContext before = context;
    for (auto&& element : call<Passed>(this->f, key, value, context)) {
      if constexpr (owns_elements<Range>()) {
        hand_on(key, element, context, next);
      } else {
        std::remove_cvref_t<decltype(element)> item = static_cast<decltype(element)>(element);
        hand_on(key, item, context, next);
      }
      if (context.task->halted()) [[unlikely]]
        return;
      context = before;
    }
  }

 private:
  template <class K, class Item, class Next>
  [[gnu::always_inline]] void hand_on(const K& key, Item& item, RecordContext& context, Next& next) const {
    if constexpr (key_value_v<Item>) {
      context.null_key = std::is_same_v<decltype(item.key), NoKey>;
      next(item.key, item.value, context);
    } else {
      slot = key;
      next(slot, item, context);
    }
  }
};

}  // namespace klamm::inline v0::detail
