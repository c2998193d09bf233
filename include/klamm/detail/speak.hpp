#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <iterator>
#include <type_traits>

#include "klamm/detail/callable.hpp"
#include "klamm/detail/codec.hpp"
#include "klamm/serde.hpp"

// What a mistake says. Each is a `constexpr bool` (g++ prints it with its types; a concept would print its constraint tree) for a
// static_assert, and `Inert` as the result, so that the rest of the chain says nothing more.

namespace klamm::inline v0::detail {

/// The result of a call that did not compile: accepts everything, does nothing.
struct Inert {
  template <class... A> Inert filter(A&&...) const { return {}; }
  template <class... A> Inert filter_not(A&&...) const { return {}; }
  template <class... A> Inert map(A&&...) const { return {}; }
  template <class... A> Inert mutate(A&&...) const { return {}; }
  template <class... A> Inert flat_map(A&&...) const { return {}; }
  template <class... A> Inert select_key(A&&...) const { return {}; }
  template <class... A> Inert peek(A&&...) const { return {}; }
  template <class... A> Inert merge(A&&...) const { return {}; }
  template <class P, class... A> Inert process(A&&...) const { return {}; }
  template <class P, class... A> Inert process_values(A&&...) const { return {}; }
  template <class... A> Inert join(A&&...) const { return {}; }
  template <class... A> Inert left_join(A&&...) const { return {}; }
  template <class... A> Inert outer_join(A&&...) const { return {}; }
  template <class... A> Inert group_by(A&&...) const { return {}; }
  template <class... A> Inert group_by_key(A&&...) const { return {}; }
  template <class... A> Inert through(A&&...) const { return {}; }
  template <class... A> Inert suppress(A&&...) const { return {}; }
  template <class... A> Inert cogroup(A&&...) const { return {}; }
  template <class... A> Inert windowed_by(A&&...) const { return {}; }
  template <class... A> Inert count(A&&...) const { return {}; }
  template <class... A> Inert reduce(A&&...) const { return {}; }
  template <class... A> Inert aggregate(A&&...) const { return {}; }
  template <class... A> Inert to_table(A&&...) const { return {}; }
  template <class... A> Inert upserts(A&&...) const { return {}; }
  template <class... A> Inert to_stream(A&&...) const { return {}; }
  template <class... A> Inert changes(A&&...) const { return {}; }
  template <class... A> Inert with_timestamp(A&&...) const { return {}; }
  template <class... A> Inert with_header(A&&...) const { return {}; }
  template <class... A> Inert try_map(A&&...) const { return {}; }
  template <class... A> Inert apply(A&&...) const { return {}; }
  template <class... A> std::array<Inert, sizeof...(A) + 1> branch(A&&...) const { return {}; }
  template <class... A> void to(A&&...) const {}
  template <class... A> void for_each(A&&...) const {}
};

template <class A, class B> constexpr bool same_key_v = std::is_same_v<A, B>;
template <class A, class B> constexpr bool same_value_v = std::is_same_v<A, B>;
template <class K> constexpr bool has_key_v = !std::is_same_v<K, NoKey>;
template <class T> constexpr bool owned_v = !borrowed_v<T>;
template <class T> constexpr bool default_constructible_v = std::is_default_constructible_v<T>;
/// A table's value: null already means that there is no row.
template <class T> constexpr bool not_optional_v = !optional_v<T>;

/// A topic takes the stream's values, and if its own are optional, plain ones too.
template <class Topic, class Stream>
constexpr bool topic_takes_v = std::is_same_v<Topic, Stream> || (optional_v<Topic> && std::is_same_v<plain_t<Topic>, Stream>);

/// f can be called, or could but for a missing const (which has a sentence of its own).
template <class F, class K, class V, class... Lead>
constexpr bool accepts_v = callable_v<F, K, V, Lead...> || only_mutable_v<F, K, V, Lead...>;
template <class F, class K, class V, class... Lead> constexpr bool const_callable_v = !only_mutable_v<F, K, V, Lead...>;

template <class F, class K, class V> constexpr bool predicate() {
  if constexpr (!callable_v<F, K, V>)
    return true;  // said elsewhere
  else
    return std::is_constructible_v<bool, result_t<F, K, V>>;
}
template <class F, class K, class V> constexpr bool returns_bool_v = predicate<F, K, V>();
template <class F, class K, class V> constexpr bool predicate_v = callable_v<F, K, V>&& returns_bool_v<F, K, V>;

template <class F, class K, class V> constexpr bool gives_value() {
  if constexpr (!callable_v<F, K, V>)
    return true;
  else
    return !std::is_void_v<result_t<F, K, V>>;
}
template <class F, class K, class V> constexpr bool returns_value_v = gives_value<F, K, V>();

template <class F, class K, class V> constexpr bool gives_time() {
  if constexpr (!callable_v<F, K, V>)
    return true;
  else
    return timestamp_like_v<std::remove_cvref_t<result_t<F, K, V>>>;
}
template <class F, class K, class V> constexpr bool gives_time_v = gives_time<F, K, V>();

template <class T> constexpr bool range_v = requires(T& range) { std::begin(range) != std::end(range); };
template <class F, class K, class V> constexpr bool gives_range() {
  if constexpr (!callable_v<F, K, V>)
    return true;
  else
    return range_v<std::remove_reference_t<result_t<F, K, V>>>;
}
template <class F, class K, class V> constexpr bool returns_range_v = gives_range<F, K, V>();
template <class Range> using element_t = std::remove_cvref_t<decltype(*std::begin(std::declval<std::remove_reference_t<Range>&>()))>;

/// A map must not turn an owned value into a view of it, but with borrow(f).
template <class F, class K, class V, class From> constexpr bool keeps_ownership() {
  if constexpr (callable_traits<F>::borrows || borrowed_v<From>)
    return true;
  else if constexpr (!callable_v<F, K, V>)
    return true;
  else
    return !borrowed_v<std::remove_cvref_t<result_t<F, K, V>>>;
}
template <class F, class K, class V> constexpr bool outlives_v = keeps_ownership<F, K, V, std::remove_cvref_t<V>>();

template <class F, class K, class V, class From> constexpr bool elements_keep_ownership() {
  if constexpr (callable_traits<F>::borrows || borrowed_v<From>) {
    return true;
  } else if constexpr (!callable_v<F, K, V>) {
    return true;
  } else {
    using Range = result_t<F, K, V>;
    if constexpr (!range_v<std::remove_reference_t<Range>>)
      return true;
    else
      return !borrowed_v<element_t<Range>>;
  }
}
template <class F, class K, class V> constexpr bool elements_outlive_v = elements_keep_ownership<F, K, V, std::remove_cvref_t<V>>();

/// Whether what comes out can stand in a slot.
template <class T> constexpr bool slot_v = std::is_default_constructible_v<T>;
template <class K, class V> constexpr bool slot_v<KeyValue<K, V>> = std::is_default_constructible_v<K>&& std::is_default_constructible_v<V>;
template <class F, class K, class V> constexpr bool result_fits_slot() {
  if constexpr (!callable_v<F, K, V>)
    return true;
  else if constexpr (std::is_void_v<result_t<F, K, V>>)
    return true;
  else
    return slot_v<std::remove_cvref_t<result_t<F, K, V>>>;
}
template <class F, class K, class V> constexpr bool default_constructible_result_v = result_fits_slot<F, K, V>();
template <class F, class K, class V> constexpr bool element_fits_slot() {
  if constexpr (!callable_v<F, K, V>) {
    return true;
  } else {
    using Range = result_t<F, K, V>;
    if constexpr (!range_v<std::remove_reference_t<Range>>)
      return true;
    else
      return slot_v<element_t<Range>>;
  }
}
template <class F, class K, class V> constexpr bool default_constructible_elements_v = element_fits_slot<F, K, V>();

template <class F, class K, class V, class A> constexpr bool folds() {
  if constexpr (!callable_v<F, K, const V&, A&>) {
    return false;
  } else {
    using R = decltype(call<const V&>(std::declval<const Callee<F>&>(), std::declval<const K&>(), std::declval<const V&>(),
                                      std::declval<const RecordContext&>(), std::declval<A&>()));
    return std::is_void_v<R> || std::is_same_v<R, Entry>;
  }
}
template <class F, class K, class V, class A> constexpr bool folds_v = folds<F, K, V, A>();

template <class F, class V> constexpr bool reduces() {
  if constexpr (std::is_invocable_v<const F&, V&, const V&>) {
    using R = std::invoke_result_t<const F&, V&, const V&>;
    return std::is_void_v<R> || std::is_convertible_v<R, V>;
  } else {
    return false;
  }
}
template <class F, class V> constexpr bool reduces_v = reduces<F, V>();

/// A joiner of two tables: V and W are references, or pointers where a side may be missing.
template <class F, class K, class V, class W> constexpr bool combines() {
  if constexpr (std::is_invocable_v<const F&, V, W>)
    return !std::is_void_v<std::invoke_result_t<const F&, V, W>>;
  else if constexpr (std::is_invocable_v<const F&, const K&, V, W>)
    return !std::is_void_v<std::invoke_result_t<const F&, const K&, V, W>>;
  else
    return false;
}
template <class F, class K, class V, class W> constexpr bool combines_v = combines<F, K, V, W>();

/// Whether f gives a row's foreign key: a key of type K2, or std::optional of one. Not with the record, because it is asked again later.
template <class F, class K, class V, class K2> constexpr bool refers() {
  if constexpr (!callable_v<F, K, const V&> || form_v<F, K, const V&> == Form::record) {
    return false;
  } else {
    using R = std::remove_cvref_t<result_t<F, K, const V&>>;
    if constexpr (optional_v<R>)
      return std::is_same_v<plain_t<R>, plain_t<K2>>;
    else
      return std::is_convertible_v<R, plain_t<K2>> && std::is_arithmetic_v<R> == std::is_arithmetic_v<plain_t<K2>>;
  }
}
template <class F, class K, class V, class K2> constexpr bool refers_v = refers<F, K, V, K2>();

/// A joiner's value comes second: W is `const Found&`, or `const Found*` for left joins.
template <class F, class K, class V, class W> constexpr bool joins() {
  if constexpr (std::is_invocable_v<const F&, const V&, W>)
    return !std::is_void_v<std::invoke_result_t<const F&, const V&, W>>;
  else if constexpr (std::is_invocable_v<const F&, const K&, const V&, W>)
    return !std::is_void_v<std::invoke_result_t<const F&, const K&, const V&, W>>;
  else
    return false;
}
template <class F, class K, class V, class W> constexpr bool joins_v = joins<F, K, V, W>();

}  // namespace klamm::inline v0::detail
