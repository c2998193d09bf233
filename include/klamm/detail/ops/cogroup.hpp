#pragma once

#include <type_traits>
#include <utility>

#include "klamm/detail/ops/calls.hpp"
#include "klamm/detail/speak.hpp"
#include "klamm/record.hpp"

namespace klamm::inline v0::detail {

/// A record of one of a cogroup's inputs, on its way to the table: what its function makes of a value. Valid during the call.
template <class K, class A> struct CogroupStep {
  Entry (*apply)(const CogroupStep& step, A& total, const K& key, RecordContext& context) = nullptr;
  const void* function = nullptr;  ///< a Callee
  const void* value = nullptr;
  unsigned input = 0;  ///< which of the inputs: each has a stream time of its own
};
template <class T> constexpr bool cogroup_step_v = false;
template <class K, class A> constexpr bool cogroup_step_v<CogroupStep<K, A>> = true;

/// Lets the step do its work on an entry of the table.
struct StepUpdate {
  static constexpr bool puts = false;
  template <class A, class K> Entry operator()(A& total, bool, const K& key, const CogroupStep<K, A>& step, RecordContext& context) const {
    return step.apply(step, total, key, context);
  }
};

/// The operator that makes steps of an input's records. `Nulls`: its function is shown null values; else they are dropped and counted.
template <class F, class A, bool Nulls> struct ToStep : Calls<F, Spreading> {
  static constexpr unsigned fresh = touches_value;
  unsigned input = 0;

  template <class K, class V, class Next>
  [[gnu::always_inline]] void operator()(K& key, V& value, RecordContext& context, Next& next) const {
    at_work(this->node, context);
    CogroupStep<K, A> step{nullptr, &this->f, nullptr, input};
    if constexpr (!optional_v<V> || Nulls) {
      fill<V>(step, value);
    } else {
      if (!value) return context.task->dropped(this->node, context, Drop::null_value);
      fill<plain_t<V>>(step, *value);
    }
    next(key, step, context);
  }

 private:
  template <class V, class K> static void fill(CogroupStep<K, A>& step, const V& value) {
    step.value = &value;
    step.apply = [](const CogroupStep<K, A>& self, A& total, const K& key, RecordContext& context) {
      const auto& f = *static_cast<const Callee<F>*>(self.function);
      const V& given = *static_cast<const V*>(self.value);
      if constexpr (std::is_void_v<decltype(call<const V&>(f, key, given, context, total))>) {
        call<const V&>(f, key, given, context, total);
        return Entry::keep;
      } else {
        return call<const V&>(f, key, given, context, total);
      }
    };
  }
};

}  // namespace klamm::inline v0::detail
