#pragma once

#include "klamm/detail/ops/calls.hpp"
#include "klamm/topic.hpp"

namespace klamm::detail {

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

/// Serialises a record and hands it to its sink. One function per pair of types, not per chain. Without objects: the fast path.
template <class K, class V> [[gnu::noinline]] void write(Writer& writer, const K& key, const V& value, const RecordContext& context) {
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
[[gnu::noinline]] void write_with(Codec<plain_t<K>>* keys, Codec<plain_t<V>>* values, Writer& writer, const K& key, const V* value,
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

/// What a sink needs of its topic and its task.
template <class TK> struct SinkEnd : InPlace {
  static constexpr bool binds = true, terminal = true;
  Writer* writer = nullptr;
  PartBox keys, values;

  SinkEnd() = default;
  explicit SinkEnd(const TopicInfo& topic) : keys{topic.key_codec}, values{topic.value_codec} {}
  void bind(Task& task, NodeId sink) {
    writer = task.writer(sink);
    writer->key.reserve(64);  // so that no bytes are not null
    writer->value.reserve(64);
  }

 protected:
  template <class V, class K> void put(const K& key, const V* value, RecordContext& context) const {
    at_work(writer->node, context);
    if constexpr (std::is_same_v<TK, NoKey> && !std::is_same_v<K, NoKey>) {
      put<V>(NoKey{}, value, context);  // keys of this topic mean nothing
    } else if (values.empty() && value != nullptr) [[likely]] {
      write(*writer, key, *value, context);
    } else {
      write_with(static_cast<Codec<plain_t<K>>*>(keys.get()), static_cast<Codec<plain_t<V>>*>(values.get()), *writer, key, value, context);
    }
  }
};

/// The end of a chain in a topic.
template <class TK> struct Write : SinkEnd<TK> {
  using SinkEnd<TK>::SinkEnd;
  template <class K, class V> [[gnu::always_inline]] bool operator()(K& key, V& value, RecordContext& context) const {
    this->put(key, &value, context);
    return true;
  }
};

}  // namespace klamm::detail
