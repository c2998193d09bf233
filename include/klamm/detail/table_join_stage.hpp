#pragma once

#include <type_traits>
#include <utility>

#include "klamm/detail/handles.hpp"
#include "klamm/detail/ops/calls.hpp"
#include "klamm/detail/view_stage.hpp"

// Joins of two tables by their keys. They keep no rows: a change of either side is joined with the row that the other side has.

namespace klamm::inline v0::detail {

/// Which sides of a join may be missing; a joiner gets those as pointers.
enum class Sides : unsigned char {
  both,    ///< inner: none may be missing
  left,    ///< the right one may be missing
  either,  ///< outer
};
constexpr bool left_may_miss(Sides sides) { return sides == Sides::either; }
constexpr bool right_may_miss(Sides sides) { return sides != Sides::both; }

/// What a joiner makes of (left, right) or (key, left, right).
template <Sides S, class V> using left_side_t = std::conditional_t<left_may_miss(S), const V*, const V&>;
template <Sides S, class W> using right_side_t = std::conditional_t<right_may_miss(S), const W*, const W&>;

template <Sides S, class F, class K, class V, class W> struct TableJoiner {
  F f;

  static decltype(auto) call(const F& f, const K& key, left_side_t<S, V> left, right_side_t<S, W> right) {
    if constexpr (std::is_invocable_v<const F&, left_side_t<S, V>, right_side_t<S, W>>)
      return invoke(f, left, right);
    else
      return invoke(f, key, left, right);
  }
  using Result = std::remove_cvref_t<decltype(call(std::declval<const F&>(), std::declval<const K&>(), std::declval<left_side_t<S, V>>(),
                                                   std::declval<right_side_t<S, W>>()))>;

  /// The joined row in `slot`, or null where too much is missing.
  const Result* operator()(const K& key, const V* left, const W* right, Result& slot) const {
    if ((left == nullptr && (right == nullptr || !left_may_miss(S))) || (right == nullptr && !right_may_miss(S))) return nullptr;
    slot = call(f, key, passed<left_may_miss(S)>(left), passed<right_may_miss(S)>(right));
    return &slot;
  }

 private:
  template <bool MayMiss, class T> static decltype(auto) passed(const T* side) {
    if constexpr (MayMiss)
      return side;
    else
      return *side;
  }
};

/// A join, as the left table's consumer, and the table that it makes. A row's time is the greater of both sides'.
///
/// A tombstone is sent on even where there was no joined row, if the other side has one; nothing is sent where neither side had or has any.
template <Sides S, class F, class K, class V, class W>
class TableJoinStage final : public Port<K, Change<V>>, public TableView<K, typename TableJoiner<S, F, K, V, W>::Result> {
 public:
  using Result = typename TableJoiner<S, F, K, V, W>::Result;

  /// `held_back`: one of the tables behind it tells of its changes at commits; what it told before is known if it is asked for old values.
  TableJoinStage(NodeId left, NodeId right, bool held_back, F f)
      : joiner_{std::move(f)}, left_{left}, right_{right}, held_back_{held_back} {}

  void* table_view() override { return static_cast<TableView<K, Result>*>(this); }

  void push(K& key, Change<V>& change, RecordContext& context) override {
    Timestamp time;
    const W* const right = right_.find_told(key, context, time);
    if (right == nullptr && (!right_may_miss(S) || unheard_of(change))) return;
    forward(key, {change.old, right}, {change.now, right}, right != nullptr ? time : context.timestamp, context);
  }
  void push_right(K& key, Change<W>& change, RecordContext& context) {
    Timestamp time;
    const V* const left = left_.find_told(key, context, time);
    if (left == nullptr && (!left_may_miss(S) || unheard_of(change))) return;
    forward(key, {left, change.old}, {left, change.now}, left != nullptr ? time : context.timestamp, context);
  }
  const Result* find(const K& key, RecordContext& context, Timestamp& time) override {
    Timestamp left_time, right_time;
    const V* const left = left_.find(key, context, left_time);
    return found(key, left, left_time, right_.find(key, context, right_time), right_time, time, context);
  }
  const Result* find_told(const K& key, RecordContext& context, Timestamp& time) override {
    Timestamp left_time, right_time;
    const V* const left = left_.find_told(key, context, left_time);
    return found(key, left, left_time, right_.find_told(key, context, right_time), right_time, time, context);
  }

  [[nodiscard]] bool right_needs_old() const { return right_needs_old_; }

 protected:
  [[nodiscard]] Stage* copy() const override { return new TableJoinStage(*this); }
  void bind(Task& task) override {
    left_.forget();
    right_.forget();
    task.connect(out_, this->node);
    this->idle = out_.empty();
    this->touch = out_.touch() & touches_key;
    wants_old_ = out_.needs_old();
    this->needs_old = wants_old_ || held_back_ || right_may_miss(S);
    right_needs_old_ = wants_old_ || held_back_ || left_may_miss(S);
  }

 private:
  struct Pair {
    const V* left;
    const W* right;
  };
  const Result* found(const K& key, const V* left, Timestamp left_time, const W* right, Timestamp right_time, Timestamp& time,
                      RecordContext& context) {
    if (left == nullptr)
      time = right_time;
    else
      time = right == nullptr || right_time < left_time ? left_time : right_time;
    at_work(this->node, context);
    return joiner_(key, left, right, found_);
  }
  template <class A> static bool unheard_of(const Change<A>& change) { return change.old == nullptr && change.now == nullptr; }

  void forward(K& key, const Pair& old, const Pair& now, Timestamp other, RecordContext& context) {
    at_work(this->node, context);
    if (other > context.timestamp) context.timestamp = other;
    Change<Result> change{wants_old_ ? joiner_(key, old.left, old.right, old_) : nullptr, joiner_(key, now.left, now.right, now_)};
    out_.push(key, change, context);
  }

  TableJoiner<S, F, K, V, W> joiner_;
  Lookup<K, V> left_;
  Lookup<K, W> right_;
  Fan<K, Change<Result>> out_;
  const bool held_back_;
  bool wants_old_ = false, right_needs_old_ = false;
  Result old_{}, now_{}, found_{};
};

/// The right table's consumer: hands its changes to the join.
template <class Join, class K, class W> class JoinsRight final : public Port<K, Change<W>> {
 public:
  explicit JoinsRight(NodeId join) : node_{join} {}
  void push(K& key, Change<W>& change, RecordContext& context) override { join_->push_right(key, change, context); }

 protected:
  [[nodiscard]] Stage* copy() const override { return new JoinsRight(*this); }
  void bind(Task& task) override {
    join_ = &static_cast<Join&>(task.stage(node_));
    this->idle = join_->idle;
    this->touch = join_->touch;
    this->needs_old = join_->right_needs_old();
  }

 private:
  Join* join_ = nullptr;
  NodeId node_;
};

/// table.join, left_join and outer_join with a table of the same keys.
template <Sides S, class K, class V, class W, class F>
auto table_joined(const char* kind, const Table<K, V>& table, const Table<K, W>& other, F f, const Named& named) {
  using Join = TableJoinStage<S, F, K, V, W>;
  Graph& graph = *Handles::place(table).graph;
  const NodeId left = Handles::place(table).node, right = Handles::place(other).node;
  if (Handles::place(other).graph != &graph) {
    problem_two_topologies(graph, kind, named);
    return Handles::table<K, typename Join::Result>({&graph, left, left});
  }
  const NodeId node = add_table_join(graph, kind, left, right, named);
  commit_stage(graph, node, left, new Join(left, right, holds_back(graph, node), std::move(f)));
  commit_stage(graph, node, right, new JoinsRight<Join, K, W>(node));
  return Handles::table<K, typename Join::Result>({&graph, node, node});
}

}  // namespace klamm::inline v0::detail
