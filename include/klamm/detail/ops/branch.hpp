#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <tuple>
#include <utility>

#include "klamm/detail/handles.hpp"
#include "klamm/detail/ops/calls.hpp"
#include "klamm/detail/speak.hpp"

namespace klamm::inline v0::detail {

/// First match wins; what nothing matches goes to the last.
template <class K, class V, class... P> class BranchStage final : public Port<K, V> {
 public:
  static constexpr std::size_t count = sizeof...(P);
  BranchStage(const NodeId (&outputs)[count + 1], P... predicates) : predicates_{Callee<P>{std::move(predicates)}...} {
    for (std::size_t i = 0; i <= count; ++i) outputs_[i] = outputs[i];
  }
  void push(K& key, V& value, RecordContext& context) override {
    std::size_t to = count;
    if (!choose(key, value, context, to, std::index_sequence_for<P...>{})) return;
    fans_[to].push(key, value, context);
  }

 protected:
  [[nodiscard]] Stage* copy() const override { return new BranchStage(*this); }
  void bind(Task& task) override {
    std::apply([](auto&... callee) { (make_own(callee), ...); }, predicates_);
    for (std::size_t i = 0; i <= count; ++i) {
      task.connect(fans_[i], outputs_[i]);
      this->touch |= fans_[i].touch();
    }
  }

 private:
  template <class C> static void make_own(C& callee) {
    if constexpr (C::binds) callee.bind();
  }
  enum class Verdict : unsigned char { passes, fails, refused };
  template <class F> Verdict test(const Callee<F>& predicate, const K& key, const V& value, RecordContext& context) const {
    if (!admits<F, K, const V&>(this->node, context)) return Verdict::refused;
    return call<const V&>(predicate, key, value, context) ? Verdict::passes : Verdict::fails;
  }
  /// False if a predicate wants a key that the record does not have.
  template <std::size_t... I>
  bool choose(const K& key, const V& value, RecordContext& context, std::size_t& to, std::index_sequence<I...>) const {
    Verdict verdict = Verdict::fails;
    const auto decides = [&](const auto& predicate, std::size_t i) {
      verdict = test(predicate, key, value, context);
      if (verdict == Verdict::passes) to = i;
      return verdict != Verdict::fails;
    };
    static_cast<void>((decides(std::get<I>(predicates_), I) || ...));
    return verdict != Verdict::refused;
  }

  std::tuple<Callee<P>...> predicates_;
  NodeId outputs_[count + 1];
  Fan<K, V> fans_[count + 1];
};

/// stream.branch: the streams of each predicate, and of the rest.
template <class S, class... P> auto branched(const S& stream, const Named& named, P... predicates) {
  using K = typename S::key_type;
  using V = typename S::value_type;
  constexpr bool ok = (predicate_v<P, K, const V&> && ...);
  static_assert(ok,
                "klamm: branch(predicates...): each must be const-callable with this stream's value, or (key, value), or be "
                "with_record(f), and return bool");
  if constexpr (ok) {
    using Split = BranchStage<K, V, P...>;
    const Place input = Handles::settled(stream, named);
    Graph& graph = *input.graph;
    const NodeId node = add_operator(graph, "branch", input.node, named);
    NodeId outputs[Split::count + 1];
    for (NodeId& output : outputs) output = add_operator(graph, "branch_output", node, {nullptr, named.file, named.line});
    commit_stage(graph, node, input.node, new Split(outputs, std::move(predicates)...));
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return std::array{Handles::stream<K, V>({&graph, outputs[I], outputs[I]})...};
    }
    (std::make_index_sequence<Split::count + 1>{});
  } else {
    return std::array<Inert, sizeof...(P) + 1>{};
  }
}

}  // namespace klamm::inline v0::detail
