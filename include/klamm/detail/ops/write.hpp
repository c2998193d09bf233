#pragma once

#include "klamm/detail/ops/calls.hpp"
#include "klamm/topic.hpp"

namespace klamm::inline v0::detail {

/// Whether the key is written; else it is null.
template <class K> bool has_bytes(const K& key, const RecordContext& context) {
  if constexpr (std::is_same_v<K, NoKey>)
    return false;
  else if constexpr (optional_v<K>)
    return key.has_value();
  else
    return !context.null_key;
}

/// Serialises `value` with the topic's object, or the trait.
template <class T> Encoded encode_with(Codec<plain_t<T>>* codec, const T& value, Bytes& out) {
  out.clear();
  if constexpr (optional_v<T>)
    return codec != nullptr ? codec->encode(*value, out) : encode(value, out);
  else
    return codec != nullptr ? codec->encode(value, out) : encode(value, out);
}

/// Serialises a record and hands it to its sink. Without serde objects: the fast path.
template <class K, class V> inline void write(Writer& writer, const K& key, const V& value, const RecordContext& context) {
  BytesView key_bytes, value_bytes;
  if (has_bytes(key, context)) {
    writer.key.clear();
    if (const Encoded result = encode(key, writer.key); !result.ok()) [[unlikely]]
      return writer.task->unencodable(writer.node, context, result);
    key_bytes = writer.key;
  }
  if constexpr (optional_v<V>) {
    if (!value) return writer.send(key_bytes, {}, context);
  }
  writer.value.clear();
  if (const Encoded result = encode(value, writer.value); !result.ok()) [[unlikely]]
    return writer.task->unencodable(writer.node, context, result);
  value_bytes = writer.value;
  writer.send(key_bytes, value_bytes, context);
}

/// The same for topics with serde objects; a null `value` is a tombstone.
template <class K, class V>
void write_with(Codec<plain_t<K>>* keys, Codec<plain_t<V>>* values, Writer& writer, const K& key, const V* value,
                const RecordContext& context) {
  BytesView key_bytes, value_bytes;
  if (has_bytes(key, context)) {
    if (const Encoded result = encode_with(keys, key, writer.key); !result.ok())
      return writer.task->unencodable(writer.node, context, result);
    key_bytes = writer.key;
  }
  bool null = value == nullptr;
  if constexpr (optional_v<V>) null = null || !*value;
  if (!null) {
    if (const Encoded result = encode_with(values, *value, writer.value); !result.ok())
      return writer.task->unencodable(writer.node, context, result);
    value_bytes = writer.value;
  }
  writer.send(key_bytes, value_bytes, context);
}

/// Asks the topic's partitioner. False if it refuses, and the error policy was asked.
template <class K, class V> bool choose_partition(Writer& writer, const K& key, const V* value, const RecordContext& context) {
  const plain_t<K>* k = nullptr;
  const plain_t<V>* v = nullptr;
  if constexpr (optional_v<K>)
    k = key ? &*key : nullptr;
  else if (!context.null_key)
    k = &key;
  if constexpr (optional_v<V>)
    v = value != nullptr && *value ? &**value : nullptr;
  else
    v = value;
  const char* refused = nullptr;
  writer.partition =
      static_cast<Partitioner<plain_t<K>, plain_t<V>>*>(writer.partitioner.get())->choose(k, v, writer.partitions(), refused);
  if (refused != nullptr) context.task->unproducible(writer.node, context, refused);
  return refused == nullptr;
}

/// One function per pair of types, not per chain. A null `value` is a tombstone; a topic of NoKey gets null keys.
template <class TK, class K, class V> [[gnu::noinline]] void put(Writer& writer, const K& key, const V* value, RecordContext& context) {
  at_work(writer.node, context);
  if constexpr (std::is_same_v<TK, NoKey> && !std::is_same_v<K, NoKey>) {
    put<NoKey>(writer, NoKey{}, value, context);
  } else if (writer.plain && value != nullptr) [[likely]] {
    write(writer, key, *value, context);
  } else {
    if (!writer.partitioner.empty() && !choose_partition(writer, key, value, context)) return;
    write_with(static_cast<Codec<plain_t<K>>*>(writer.keys.get()), static_cast<Codec<plain_t<V>>*>(writer.values.get()), writer, key, value,
               context);
  }
}

/// What a sink needs of its topic and its task. Small and trivial, because chains are moved at each of their operators.
struct SinkEnd : InPlace {
  static constexpr bool binds = true, terminal = true;
  Writer* writer = nullptr;
  const TopicInfo* topic = nullptr;  ///< the graph's; null: the traits

  void bind(Task& task, NodeId sink) { writer = writer_of(task, sink, topic); }
};

/// The end of a chain in a topic.
template <class TK> struct Write : SinkEnd {
  template <class K, class V> [[gnu::always_inline]] bool operator()(K& key, V& value, RecordContext& context) const {
    put<TK, K, V>(*writer, key, &value, context);
    return true;
  }
};

}  // namespace klamm::inline v0::detail
