#pragma once

#include <cstddef>
#include <memory>
#include <tuple>
#include <utility>

#include "klamm/detail/ops/calls.hpp"

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

}  // namespace klamm::inline v0::detail
