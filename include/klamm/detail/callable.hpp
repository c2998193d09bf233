#pragma once

#include <optional>
#include <type_traits>
#include <utility>

#include "klamm/borrow.hpp"
#include "klamm/record.hpp"

// How users' functions are called: as std::invoke does, without <functional>, with the value, (key, value) or the record.

namespace klamm::inline v0::detail {

enum class Form { none, value, key_value, record };

/// Calls `f` with one or more arguments; a pointer to a member is applied to the first.
template <class F, class First, class... Rest> [[gnu::always_inline]] constexpr decltype(auto) invoke(F& f, First&& first, Rest&&... rest) {
  using Plain = std::remove_cv_t<F>;
  if constexpr (std::is_member_object_pointer_v<Plain>)
    return (static_cast<First&&>(first).*f);
  else if constexpr (std::is_member_function_pointer_v<Plain>)
    return (static_cast<First&&>(first).*f)(static_cast<Rest&&>(rest)...);
  else
    return f(static_cast<First&&>(first), static_cast<Rest&&>(rest)...);
}

template <class F> struct callable_traits {
  using type = const F;  // all tasks share it
  static constexpr bool record = false, borrows = false;
};
template <class F> struct callable_traits<WithRecord<F>> {
  using type = const F;
  static constexpr bool record = true, borrows = false;
};
template <class F> struct callable_traits<Borrow<F>> {
  using type = const F;
  static constexpr bool record = false, borrows = true;
};
template <class Make> struct callable_traits<PerTask<Make>> {
  using type = std::invoke_result_t<const Make&>;
  static constexpr bool record = false, borrows = false;
};

/// How a map passes the value: to be moved from, unless its result may point into it.
template <class F, class V> using passed_t = std::conditional_t<callable_traits<F>::borrows, const V&, V&&>;

/// Which form `f` has for a stream of K and V; V carries the reference with which the value is passed. `Lead` comes before (folds).
template <class F, class K, class V, class... Lead> constexpr Form form_of() {
  using Function = typename callable_traits<F>::type;
  if constexpr (callable_traits<F>::record) {
    return std::is_invocable_v<Function&, Lead..., Record<K, std::remove_reference_t<V>>> ? Form::record : Form::none;
  } else if constexpr (std::is_invocable_v<Function&, Lead..., V>) {
    return Form::value;
  } else if constexpr (!std::is_same_v<K, NoKey> && std::is_invocable_v<Function&, Lead..., const K&, V>) {
    return Form::key_value;
  } else {
    return Form::none;
  }
}
template <class F, class K, class V, class... Lead> constexpr Form form_v = form_of<F, K, V, Lead...>();
template <class F, class K, class V, class... Lead> constexpr bool callable_v = form_v<F, K, V, Lead...> != Form::none;

/// Whether `f` would do were it const: a mutable lambda.
template <class F, class K, class V, class... Lead>
constexpr bool only_mutable_v =
    !callable_v<F, K, V, Lead...> && (std::is_invocable_v<F&, Lead..., V> || std::is_invocable_v<F&, Lead..., const K&, V>);

/// A user's function inside an operator.
template <class F> struct Callee {
  static constexpr bool binds = false;
  F f;
  const F& get() const { return f; }
};
template <class F> struct Callee<WithRecord<F>> {
  static constexpr bool binds = false;
  WithRecord<F> wrapped;
  const F& get() const { return wrapped.f; }
};
template <class F> struct Callee<Borrow<F>> {
  static constexpr bool binds = false;
  Borrow<F> wrapped;
  const F& get() const { return wrapped.f; }
};
/// In the graph there is only the factory; `bind` makes the task's own callable.
template <class Make> struct Callee<PerTask<Make>> {
  static constexpr bool binds = true;
  PerTask<Make> factory;
  mutable std::optional<std::invoke_result_t<const Make&>> made{};
  auto& get() const { return *made; }
  void bind() { made.emplace(factory.make()); }
};

/// Calls `f` in its form. V is the reference type with which the value is passed.
template <class V, class F, class K, class Slot, class... Lead>
[[gnu::always_inline]] inline decltype(auto) call(const Callee<F>& f, const K& key, Slot& value, const RecordContext& context,
                                                  Lead&... lead) {
  constexpr Form form = form_v<F, K, V, Lead&...>;
  if constexpr (form == Form::value)
    return invoke(f.get(), lead..., static_cast<V>(value));
  else if constexpr (form == Form::key_value)
    return invoke(f.get(), lead..., key, static_cast<V>(value));
  else
    return invoke(f.get(), lead..., Record<K, std::remove_reference_t<V>>{key, value, context});
}
template <class F, class K, class V>
using result_t = decltype(call<V>(std::declval<const Callee<F>&>(), std::declval<const K&>(), std::declval<std::remove_reference_t<V>&>(),
                                  std::declval<const RecordContext&>()));

/// Whether a map's `f` visibly takes the value by const reference, so that the slot survives the call.
template <class F> constexpr bool const_signature_v = false;
template <class R, class C, class V> constexpr bool const_signature_v<R (C::*)(const V&) const> = true;
template <class R, class C, class K, class V> constexpr bool const_signature_v<R (C::*)(const K&, const V&) const> = true;
template <class F> constexpr bool reads_only() {
  if constexpr (std::is_member_pointer_v<F> || callable_traits<F>::borrows)
    return true;
  else if constexpr (requires { &F::operator(); })
    return const_signature_v<decltype(&F::operator())>;
  else
    return false;
}

}  // namespace klamm::inline v0::detail
