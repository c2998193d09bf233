#pragma once

#include <type_traits>

#include "klamm/detail/stage.hpp"
#include "klamm/topic.hpp"

namespace klamm::detail {

/// Fills a context from a message.
[[gnu::always_inline]] inline void take_position(const RawMessage& message, RecordContext& context) {
  context.timestamp = message.timestamp;
  context.offset = message.offset;
  context.partition = message.partition;
  context.headers = Headers{message.headers};
}

/// Decodes records into slots that are kept from record to record. One per pair of types. A view of the stage's own codecs.
template <class K, class V> class Decoder {
 public:
  void use(Part* key, Part* value, Part* extractor) {
    key_ = static_cast<Codec<plain_t<K>>*>(key);
    value_ = static_cast<Codec<plain_t<V>>*>(value);
    extractor_ = static_cast<Extractor<K, plain_t<V>>*>(extractor);
    by_trait_ = key == nullptr && value == nullptr && extractor == nullptr;
  }
  [[nodiscard]] bool extracts() const { return extractor_ != nullptr; }

  /// Whether the record goes on. Traits and no nulls are the fast path, with one test for everything else.
  [[gnu::always_inline]] bool decode(const RawMessage& message, K& key, V& value, RecordContext& context, NodeId node) const {
    take_position(message, context);
    context.node = static_cast<std::int32_t>(node);
    if constexpr (!optional_v<K> && !optional_v<V>) {
      constexpr bool keyless = std::is_same_v<K, NoKey>;
      if (by_trait_ && (keyless || message.key.data() != nullptr) && message.value.data() != nullptr && message.timestamp >= Timestamp{})
          [[likely]] {
        context.null_key = keyless;
        if (detail::decode(message.key, key).ok() && detail::decode(message.value, value).ok()) [[likely]]
          return true;
      }
    }
    return decode_any(message, key, value, context, node);
  }

  /// Event time only; nobody is told why there is none.
  bool time_of(const RawMessage& message, K& key, V& value, RecordContext& context, Timestamp& out) const {
    take_position(message, context);
    out = message.timestamp;
    Decoded result;
    if (!fill(message, key, value, context, result)) return false;
    return result.ok() && extract(key, value, context, out);
  }

 private:
  [[gnu::noinline]] bool decode_any(const RawMessage& message, K& key, V& value, RecordContext& context, NodeId node) const {
    Task& task = *context.task;
    Decoded result;
    const bool has_value = fill(message, key, value, context, result);
    if (!has_value) {
      task.dropped(node, context, Drop::null_value);
      return false;
    }
    if (!result.ok()) {
      task.undecodable(node, message, result);  // a halt shows in halted()
      return false;
    }
    if (!extract(key, value, context, context.timestamp)) {
      task.null_key(node, context);
      return false;
    }
    if (context.timestamp < Timestamp{}) {
      task.dropped(node, context, Drop::negative_timestamp);
      return false;
    }
    return true;
  }
  /// False for a null value in a topic of plain ones.
  bool fill(const RawMessage& message, K& key, V& value, RecordContext& context, Decoded& result) const {
    context.null_key = std::is_same_v<K, NoKey> || (!optional_v<K> && message.key.data() == nullptr);
    if (!optional_v<V> && message.value.data() == nullptr) return false;
    if (!context.null_key) result = decode_one<K>(key_, message.key, key);
    if (result.ok()) result = decode_one<V>(value_, message.value, value);
    return true;
  }
  template <class T> static Decoded decode_one(Codec<plain_t<T>>* codec, BytesView in, T& slot) {
    if constexpr (optional_v<T>) {
      if (in.data() == nullptr) {
        slot.reset();
        return {};
      }
      if (!slot) slot.emplace();
      return codec != nullptr ? codec->decode(in, *slot) : detail::decode(in, *slot);
    } else {
      return codec != nullptr ? codec->decode(in, slot) : detail::decode(in, slot);
    }
  }
  /// A tombstone keeps the log's time. False if the extractor needs the key and there is none.
  bool extract(const K& key, const V& value, const RecordContext& context, Timestamp& out) const {
    if (extractor_ == nullptr) return true;
    if constexpr (optional_v<V>)
      return !value || extractor_->extract(key, *value, context, out);
    else
      return extractor_->extract(key, value, context, out);
  }

  Codec<plain_t<K>>* key_ = nullptr;
  Codec<plain_t<V>>* value_ = nullptr;
  Extractor<K, plain_t<V>>* extractor_ = nullptr;
  bool by_trait_ = true;
};

}  // namespace klamm::detail
