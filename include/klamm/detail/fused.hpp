#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include "klamm/detail/decoder.hpp"
#include "klamm/detail/ops/write.hpp"
#include "klamm/detail/speak.hpp"

// Chains as stages.

namespace klamm::inline v0::detail {

template <class K, class V, class Chain> using out_t = std::conditional_t<Chain::terminal, End, Fan<K, V>>;

/// Binds a fresh clone to its task: per-task callables and writers first, then the consumers.
template <class Chain, class Out> void bind_chain(Task& task, Stage& stage, Chain& chain, Out& out) {
  if constexpr (Chain::binds) chain.bind(task, stage.node);
  if constexpr (!Chain::terminal) task.connect(out, stage.node);
  stage.touch = Chain::touch | (out.touch() & ~Chain::fresh);
  stage.needs_old = Chain::needs_old;
}

/// A chain that reads another stage. K and V are what comes out.
template <class K, class V, class Chain> class Fused final : public Port<typename Chain::key, typename Chain::value> {
 public:
  explicit Fused(Chain&& chain) : chain_{std::move(chain)} {}

  void push(typename Chain::key& key, typename Chain::value& value, RecordContext& context) override {
    auto next = [this](K& k, V& v, RecordContext& c) { out_.push(k, v, c); };
    chain_.run(key, value, context, next);
  }

 protected:
  [[nodiscard]] Stage* copy() const override { return new Fused(*this); }
  void bind(Task& task) override { bind_chain(task, *this, chain_, out_); }

 private:
  Chain chain_;
  out_t<K, V, Chain> out_;
};

/// What all chains have in common that read a topic of K and V: the slots and the slow ways.
template <class K, class V> class Source : public SourceStage {
 public:
  void use(const TopicInfo& info) override {
    keys_ = info.key_codec;
    values_ = info.value_codec;
    extractor_ = info.extractor;
    reject_future_ms_ = info.reject_future.milliseconds();
  }
  [[nodiscard]] bool upgrades() const override { return upgrades_v<plain_t<V>>; }
  void decode_as(const std::string* old_schema) override {
    older_.schema = old_schema;
    decoder_.use(keys_.get(), old_schema != nullptr ? &older_ : values_.get(), extractor_.get(), reject_future_ms_);
  }
  bool timestamp_of(const RawMessage& message, Timestamp& out) override {
    out = message.timestamp;
    if (!decoder_.extracts()) return true;
    RecordContext context = context_of(message, message.timestamp, false, task_->context.topic);
    return decoder_.time_of(message, key_, value_, context, out);
  }

 protected:
  /// What decoding found out beside key and value.
  struct Start {
    Timestamp timestamp;
    bool null_key;
    bool goes_on;
  };
  [[gnu::always_inline]] RecordContext context_of(const RawMessage& message, Timestamp timestamp, bool null_key,
                                                  const std::string* topic) const {
    return {timestamp, message.offset, message.partition,        static_cast<std::int32_t>(this->node),
            null_key,  topic,          Headers{message.headers}, task_};
  }
  /// Decodes what the fast path leaves into the kept slots.
  [[gnu::noinline]] Start decode_slowly(const RawMessage& message) {
    RecordContext context = context_of(message, message.timestamp, false, task_->context.topic);
    const bool goes_on = decoder_.decode_any(message, key_, value_, context, this->node);
    return {context.timestamp, context.null_key, goes_on};
  }
  void attach(Task& task) {
    task_ = &task;
    decode_as(nullptr);
  }

  PartBox keys_, values_, extractor_;
  UpgradingCodec<plain_t<V>> older_;
  std::int64_t reject_future_ms_ = 0;
  Decoder<K, V> decoder_;
  Task* task_ = nullptr;
  K key_{};
  V value_{};
};

/// A chain that reads a topic: the loop over a batch.
template <class K, class V, class Chain> class FusedSource final : public Source<typename Chain::key, typename Chain::value> {
 public:
  using K0 = typename Chain::key;
  using V0 = typename Chain::value;

  explicit FusedSource(Chain&& chain) : chain_{std::move(chain)} {}

  std::size_t run(std::span<const RawMessage> batch) override {
    auto next = [this](K& k, V& v, RecordContext& c) { out_.push(k, v, c); };
    Task& task = *this->task_;
    const std::string* const topic = task.context.topic;
    K0 key = std::move(this->key_);  // locals: through `this` they would be reloaded after every store of a char
    V0 value = std::move(this->value_);
    const Decoder<K0, V0> decoder = this->decoder_;
    std::size_t done = 0;
    for (const RawMessage& message : batch) {
      task.decoding = &message;
      typename FusedSource::Start start{message.timestamp, std::is_same_v<K0, NoKey>, true};
      if (!decoder.decode_plain(message, key, value)) [[unlikely]] {
        this->key_ = std::move(key);
        this->value_ = std::move(value);
        start = this->decode_slowly(message);
        key = std::move(this->key_);
        value = std::move(this->value_);
      }
      if (start.goes_on) [[likely]] {
        if (start.timestamp > task.stream_time) task.stream_time = start.timestamp;
        // One for each record: in a chain without calls it never gets an address, and what nobody asks of it costs nothing.
        RecordContext context = this->context_of(message, start.timestamp, start.null_key, topic);
        Publish on_exception{context};
        if constexpr (Chain::root)
          next(key, value, context);
        else
          chain_.run(key, value, context, next);
        on_exception.done();
      }
      if (task.stops()) [[unlikely]] {
        if (!task.halted()) ++done;
        break;
      }
      ++done;
    }
    this->key_ = std::move(key);
    this->value_ = std::move(value);
    return done;
  }

 protected:
  [[nodiscard]] Stage* copy() const override { return new FusedSource(*this); }
  void bind(Task& task) override {
    bind_chain(task, *this, chain_, out_);
    this->attach(task);
  }

 private:
  Chain chain_;
  out_t<K, V, Chain> out_;
};

template <class K, class V, class Chain> void commit(const Place& place, Chain&& chain) {
  if constexpr (Chain::source)
    commit_source(*place.graph, place.node, place.origin, new FusedSource<K, V, Chain>(std::move(chain)));
  else
    commit_stage(*place.graph, place.node, place.origin, new Fused<K, V, Chain>(std::move(chain)));
}

/// A sink and a source around a topic of ours, or of the user's.
template <class K, class V> Stage* make_sink(const TopicInfo* topic = nullptr) {
  using Chain = Then<Here<K, V>, Write<K>>;
  return new Fused<K, V, Chain>(Chain{{}, {{{}, nullptr, topic}}});
}
template <class K, class V> SourceStage* make_source() { return new FusedSource<K, V, From<K, V>>(From<K, V>{}); }

/// The node from which a stateful operator reads: behind a repartition topic if the key changed since the last topic.
/// `name`: of the table or join that needs it.
template <class K, class V> NodeId co_partition(const Place& place, const std::string& name, const Named& named) {
  Graph& graph = *place.graph;
  if (!needs_repartition(graph, place.node)) return place.node;
  if (const NodeId source = repartition_of(graph, place.node); source != NodeId::none) return source;
  if constexpr (has_serde_v<K> && has_serde_v<V>) {
    return add_repartition(graph, place.node, name, named, {schema_of<K>(), schema_of<V>()}, make_sink<K, V>(), make_source<K, V>());
  } else {
    problem(graph, named, "the key changed, so the records go through a repartition topic: key and value need klamm::serde");
    return place.node;
  }
}

}  // namespace klamm::inline v0::detail
