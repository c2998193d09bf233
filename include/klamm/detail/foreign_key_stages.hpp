#pragma once

#include <string>
#include <type_traits>
#include <utility>

#include "klamm/detail/foreign_key.hpp"
#include "klamm/detail/fused.hpp"
#include "klamm/detail/ordered_store.hpp"
#include "klamm/detail/table_join_stage.hpp"

// The stages of a foreign-key join:
//
//   left table ─ Subscribe ─▶ subscriptions ─▶ Respond ◀─ right table        in the partition of the left row, and of the right row
//        ▲                                        │
//        └─ looks into ─ Receive ◀─ answers ◀─────┘
//
// Why the last answer is always right, whatever is under way: all that one right row says to a left row comes in order, through one
// partition of each topic. An answer of a right row that the left row does not refer to any more is dropped. So all that can be missing is
// a word that the old result is void; Subscribe asks for one where there may be one.

namespace klamm::inline v0::detail {

/// Asks a left row for its foreign key: a key of the right table, or std::optional of one.
template <class G, class K, class V, class K2> struct ForeignKeyOf {
  Callee<G> f;
  NodeId node;  ///< whom errors name

  /// Serialises it into `out`. False: the row, if there is one, refers to none; or it can't be written, and the task has been told.
  bool operator()(const K& key, const V* value, Bytes& out, RecordContext& context) const {
    out.clear();
    if (value == nullptr) return false;
    at_work(node, context);
    decltype(auto) foreign_key = call<const V&>(f, key, *value, context);
    if constexpr (optional_v<std::remove_cvref_t<decltype(foreign_key)>>) {
      return foreign_key.has_value() && written(*foreign_key, out, context);
    } else {
      return written(foreign_key, out, context);
    }
  }
  void bind() {
    if constexpr (Callee<G>::binds) f.bind();
  }

 private:
  bool written(const plain_t<K2>& foreign_key, Bytes& out, RecordContext& context) const {
    const Encoded result = encode(foreign_key, out);
    if (!result.ok()) [[unlikely]]
      context.task->unencodable(node, context, result);
    return result.ok();
  }
};

/// The left table's consumer: tells right rows which left rows refer to them. What an inner join is told of a row that joined before, or
/// may have, is Kafka Streams' (KIP-213).
template <Sides S, class G, class K, class V, class K2, class R> class Subscribe final : public Port<K, Change<V>> {
 public:
  Subscribe(ForeignKeyOf<G, K, V, K2> foreign_key, NodeId sink, StoreId results)
      : foreign_key_{std::move(foreign_key)}, sink_{sink}, results_id_{results} {}

  void push(K& key, Change<V>& change, RecordContext& context) override {
    if (!encode_left(key, context)) return;
    const bool referred = foreign_key_(key, change.old, old_, context), refers = foreign_key_(key, change.now, now_, context);
    if (context.task->halted()) [[unlikely]]
      return;
    const bool moves = referred && !(refers && old_ == now_);
    if constexpr (right_may_miss(S)) {
      if (moves) send(Ask::forget, old_, context);
      if (change.old != nullptr || change.now != nullptr) ask(refers, context);
    } else if (refers) {
      if (moves) send(Ask::forget, old_, context);
      // Its old result, or one that is still on its way out, is void even if the right row is not there.
      send(moves || (!referred && has_result()) ? Ask::answer : Ask::answer_if_found, now_, context);
    } else {
      if (change.now != nullptr) context.task->dropped(foreign_key_.node, context, Drop::null_key);
      if (referred) send(Ask::forget_and_answer, old_, context);
    }
  }

 protected:
  [[nodiscard]] Stage* copy() const override { return new Subscribe(*this); }
  void bind(Task& task) override {
    foreign_key_.bind();
    writer_ = writer_of(task, sink_, nullptr);
    if constexpr (!right_may_miss(S)) results_ = static_cast<Store<R>*>(&task.store(results_id_));
    this->needs_old = true;
  }

 private:
  bool encode_left(const K& key, RecordContext& context) {
    at_work(foreign_key_.node, context);
    subscription_.left_key.clear();
    const Encoded result = encode(key, subscription_.left_key);
    if (!result.ok()) [[unlikely]]
      context.task->unencodable(foreign_key_.node, context, result);
    return result.ok();
  }
  bool has_result() { return results_->find(BytesView{subscription_.left_key}) != nullptr; }
  void ask(bool refers, const RecordContext& context) {
    if (refers)
      send(Ask::answer, now_, context);
    else
      send_to_any(context);
  }
  void send(Ask ask, const Bytes& foreign_key, const RecordContext& context) {
    writer_->key = foreign_key;
    encode_word(ask, context);
    writer_->send(writer_->key, writer_->value, context);
  }
  /// Nobody has to be asked; the answer comes the same way as all others.
  void send_to_any(const RecordContext& context) {
    encode_word(Ask::answer, context);
    writer_->send({}, writer_->value, context);
  }
  void encode_word(Ask ask, const RecordContext& context) {
    subscription_.ask = ask;
    subscription_.partition = context.partition;
    writer_->value.clear();
    serde<Subscription>::encode(subscription_, writer_->value);
  }

  ForeignKeyOf<G, K, V, K2> foreign_key_;
  Writer* writer_ = nullptr;
  Store<R>* results_ = nullptr;
  NodeId sink_;
  StoreId results_id_;
  Subscription subscription_;
  Bytes old_, now_;
};

/// The right half: remembers who refers to which row, and answers.
template <class K2, class W> class Respond final : public Port<K2, Subscription> {
 public:
  Respond(NodeId op, StoreId subscribers, NodeId right, NodeId sink) : right_{right}, op_{op}, sink_{sink}, store_id_{subscribers} {}

  void push(K2& key, Subscription& said, RecordContext& context) override {
    at_work(op_, context);
    subscriber_.clear();
    if (lacks_key(key, context)) {
      append(subscriber_, said.left_key.data(), said.left_key.size());
      if (encode_answer({}, nullptr, context)) send(BytesView{subscriber_}, said.partition, context);
      return;
    }
    if (!encode_key(key, context)) return;
    put_subscriber_prefix(key_, subscriber_);
    const std::size_t prefix = subscriber_.size();
    append(subscriber_, said.left_key.data(), said.left_key.size());
    remember(said, context);

    Timestamp time;
    const W* const value = right_.find(key, context, time);
    const bool gone = said.ask == Ask::forget || said.ask == Ask::forget_and_answer;
    if (said.ask == Ask::forget || (said.ask == Ask::answer_if_found && value == nullptr)) return;
    if (value != nullptr && time > context.timestamp) context.timestamp = time;
    if (encode_answer(reference_to(key_), gone ? nullptr : value, context))
      send(BytesView{subscriber_}.subspan(prefix), said.partition, context);
  }

  /// The right table has changed: all that refer to the row are told, in the order of their keys' bytes.
  void push_right(K2& key, Change<W>& change, RecordContext& context) {
    at_work(op_, context);
    if (!encode_key(key, context) || !encode_answer(reference_to(key_), change.now, context)) return;
    subscriber_.clear();
    put_subscriber_prefix(key_, subscriber_);
    store_->for_each_beginning(subscriber_, [&](BytesView subscriber) {
      const Row<Subscriber>* row = store_->find(subscriber, {});
      if (row != nullptr) send(subscriber.subspan(subscriber_.size()), row->value.partition, context);
    });
  }
  [[nodiscard]] static bool right_needs_old() { return false; }

 protected:
  [[nodiscard]] Stage* copy() const override { return new Respond(*this); }
  void bind(Task& task) override {
    right_.forget();
    store_ = static_cast<OrderedStore<Subscriber>*>(&task.store(store_id_));
    writer_ = writer_of(task, sink_, nullptr);
    subscriber_.reserve(64);  // so that no bytes are not null
  }

 private:
  bool encode_key(const K2& key, RecordContext& context) {
    key_.clear();
    return fine(encode(key, key_), context);
  }
  bool fine(const Encoded& result, RecordContext& context) {
    if (!result.ok()) [[unlikely]]
      context.task->unencodable(op_, context, result);
    return result.ok();
  }
  void remember(const Subscription& said, const RecordContext& context) {
    const bool forget = said.ask == Ask::forget || said.ask == Ask::forget_and_answer;
    if (forget && store_->find(subscriber_, {}) == nullptr) return;
    Row<Subscriber>& row = store_->change(subscriber_, {});
    row.timestamp = context.timestamp;
    if (forget) return store_->erase(row);
    row.value.partition = said.partition;
    store_->keep(row);
  }
  bool encode_answer(const Reference& from, const W* value, RecordContext& context) {
    writer_->value.clear();
    put_answer_head(from, value != nullptr, writer_->value);
    return value == nullptr || fine(encode(*value, writer_->value), context);
  }
  void send(BytesView left_key, std::int32_t partition, const RecordContext& context) {
    writer_->partition = partition % writer_->partitions();
    writer_->send(left_key, writer_->value, context);
  }

  Lookup<K2, W> right_;
  OrderedStore<Subscriber>* store_ = nullptr;
  Writer* writer_ = nullptr;
  NodeId op_, sink_;
  StoreId store_id_;
  Bytes key_, subscriber_;
};

/// Joins the answers with the left rows as they are now, and keeps what comes out.
template <Sides S, class G, class F, class K, class V, class K2, class W>
class Receive final : public KeepingStage<K, Answer<W>, Keeper<K, typename TableJoiner<S, F, K, V, W>::Result>> {
 public:
  using Result = typename TableJoiner<S, F, K, V, W>::Result;
  using Base = KeepingStage<K, Answer<W>, Keeper<K, Result>>;

  Receive(StoreId store, NodeId left, ForeignKeyOf<G, K, V, K2> foreign_key, F f)
      : Base{store, Emit::on_update}, foreign_key_{std::move(foreign_key)}, joiner_{std::move(f)}, left_{left} {}

  void push(K& key, Answer<W>& answer, RecordContext& context) override {
    at_work(this->node, context);
    if (lacks_key(key, context)) [[unlikely]]
      return context.task->dropped(this->node, context, Drop::null_key);
    const V* const left = left_.find(key, context);
    if (!is_current(key, left, answer, context)) return context.task->dropped(this->node, context, Drop::stale);
    at_work(this->node, context);
    const Result* const made = joiner_(std::as_const(key), left, answer.found ? &answer.value : nullptr, made_);
    if (this->encode_key(key, context)) set(key, made, context);
  }

 protected:
  [[nodiscard]] Stage* copy() const override { return new Receive(*this); }
  void bind(Task& task) override {
    left_.forget();
    foreign_key_.bind();
    this->open(task, *this);
    this->touch = this->touched();
  }

 private:
  /// A value counts only from the row to which the left one refers; a word that there is none also where that refers to none.
  bool is_current(const K& key, const V* left, const Answer<W>& answer, RecordContext& context) {
    const bool refers = foreign_key_(key, left, reference_, context);
    if (!refers) return !answer.found;
    return reference_to(reference_) == answer.from;
  }
  /// A tombstone is sent even where nothing was.
  void set(K& key, const Result* made, RecordContext& context) {
    Change<Result> change;
    if (made == nullptr && this->store_->find(BytesView{this->key_}) == nullptr) return this->send(key, change, context);
    Row<Result>& row = this->store_->change(BytesView{this->key_});
    if (row.present()) change.old = this->kept(row.value);
    if (made != nullptr) {
      row.value = *made;
      change.now = &row.value;
    }
    this->close(key, row, made != nullptr ? Entry::keep : Entry::erase, change, context);
  }

  ForeignKeyOf<G, K, V, K2> foreign_key_;
  TableJoiner<S, F, K, V, W> joiner_;
  Lookup<K, V> left_;
  Bytes reference_;
  Result made_{};
};

/// table.join and left_join by a foreign key.
template <Sides S, class K, class V, class K2, class W, class G, class F>
auto foreign_key_joined(const char* kind, const Table<K, V>& table, const Table<K2, W>& other, G foreign_key, F f, const Named& named) {
  using Result = typename TableJoiner<S, F, K, V, W>::Result;
  Graph& graph = *Handles::place(table).graph;
  const NodeId left = Handles::place(table).node, right = Handles::place(other).node;
  if (Handles::place(other).graph != &graph) {
    problem_two_topologies(graph, kind, named);
    return Handles::table<K, Result>({&graph, left, left});
  }
  std::string name = stable_name(graph, kind, left, named, store_name(graph, right).c_str());
  const ForeignKeyJoin join = add_foreign_key_join(
      graph, kind, left, right, {std::move(name), &new_store<Result>, {schema_of<K>(), schema_of<Result>()}},
      &new_ordered_store<Subscriber>, {{schema_of<K2>(), schema_of<Subscription>()}, {schema_of<K>(), schema_of<Answer<W>>()}}, named);
  const StoreId results = store_of(graph, join.result);
  const ForeignKeyOf<G, K, V, K2> subscribing{{foreign_key}, join.subscribe}, receiving{{std::move(foreign_key)}, join.result};
  commit_stage(graph, join.subscriptions_sink, left, new Subscribe<S, G, K, V, K2, Result>(subscribing, join.subscriptions_sink, results));
  commit_source(graph, join.subscriptions, join.subscriptions, make_source<K2, Subscription>());
  using Right = Respond<K2, W>;
  commit_stage(graph, join.answers_sink, join.subscriptions,
               new Right(join.respond, store_of(graph, join.respond), right, join.answers_sink));
  commit_stage(graph, join.answers_sink, right, new JoinsRight<Right, K2, W>(join.answers_sink));
  commit_source(graph, join.answers, join.answers, make_source<K, Answer<W>>());
  commit_stage(graph, join.result, join.answers, new Receive<S, G, F, K, V, K2, W>(results, left, receiving, std::move(f)));
  return Handles::table<K, Result>({&graph, join.result, join.result});
}

}  // namespace klamm::inline v0::detail
