#pragma once

#include <string>
#include <type_traits>
#include <utility>

#include "klamm/detail/fused.hpp"
#include "klamm/detail/handles.hpp"
#include "klamm/detail/view_stage.hpp"

namespace klamm::inline v0::detail {

/// join and left_join of a stream with a table: looks the key up in a table of the same task. Without a partner a record ends here (join),
/// or `f` gets null (left_join). Null values of an optional stream are dropped; so are null keys, but by left_join.
template <class F, class TK, class W, bool Left> struct Join : Spreading {
  static constexpr bool binds = true;
  static constexpr unsigned fresh = touches_value;
  using Partner = std::conditional_t<Left, const W*, const W&>;

  F f;
  NodeId node;
  mutable Lookup<TK, W> table;

  template <class K, class V> static decltype(auto) apply(const F& joiner, const K& key, const V& value, Partner partner) {
    if constexpr (std::is_invocable_v<const F&, const V&, Partner>)
      return invoke(joiner, value, partner);
    else
      return invoke(joiner, key, value, partner);
  }
  template <class K, class V>
  using result_t = std::remove_cvref_t<decltype(apply(std::declval<const F&>(), std::declval<const K&>(), std::declval<const plain_t<V>&>(),
                                                      std::declval<Partner>()))>;

  template <class K, class V, class Next> void operator()(K& key, V& value, RecordContext& context, Next& next) const {
    at_work(node, context);
    if constexpr (optional_v<V>) {
      if (!value) return context.task->dropped(node, context, Drop::null_value);
    }
    const bool no_key = lacks_key(key, context);
    if (no_key && !Left) [[unlikely]]
      return context.task->dropped(node, context, Drop::null_key);
    const W* found = no_key ? nullptr : table.find(key, context);
    if (found == nullptr && !Left) return;
    at_work(node, context);
    result_t<K, V> joined = joined_with(std::as_const(key), std::as_const(value), found);
    next(key, joined, context);
  }
  void bind(Task&, NodeId) { table.forget(); }

 private:
  template <class K, class V> decltype(auto) joined_with(const K& key, const V& value, const W* found) const {
    if constexpr (optional_v<V>)
      return joined_with(key, *value, found);
    else if constexpr (Left)
      return apply(f, key, value, found);
    else
      return apply(f, key, value, *found);
  }
};

/// stream.join and stream.left_join with a table.
template <bool Left, class S, class TK, class TV, class F>
auto look_up(const S& stream, const Table<TK, TV>& table, F f, const Named& named) {
  using K = typename S::key_type;
  using V = typename S::value_type;
  using Op = Join<F, TK, TV, Left>;
  using R = typename Op::template result_t<K, V>;
  static_assert(slot_v<R>, "klamm: join(table, f): what f returns is kept in slots and must be default-constructible");
  if constexpr (slot_v<R>) {
    const char* kind = Left ? "left_join" : "join";
    const Place from = Handles::settled(stream, named);
    const Place& looked_up = Handles::place(table);
    Graph& graph = *from.graph;
    const bool one_topology = looked_up.graph == from.graph;
    if (!one_topology) problem_two_topologies(graph, kind, named);
    const std::string& tag = store_name(*looked_up.graph, looked_up.node);
    const NodeId input = co_partition<K, V>(from, stable_name(graph, kind, from.node, named, tag.c_str()), named);
    const NodeId node = add_operator(graph, kind, input, named, Rekeys::no, tag.c_str());
    if (one_topology) add_lookup(graph, node, looked_up.node);
    using Chain = Then<Here<K, V>, Op>;
    return Handles::stream<K, R, Chain>({&graph, node, input}, {{}, Op{{{}}, std::move(f), node, Lookup<TK, TV>{looked_up.node}}});
  } else {
    return Inert{};
  }
}

}  // namespace klamm::inline v0::detail
