#pragma once

#include <type_traits>

#include "klamm/detail/stage.hpp"
#include "klamm/topic.hpp"

namespace klamm::inline v0::detail {

/// Decodes records into slots that are kept from record to record. One per pair of types. A view of the stage's own codecs.
template <class K, class V> class Decoder {
 public:
  /// `reject_future_ms`: how far ahead of the wall clock a record may be; 0: as far as it likes.
  void use(Part* key, Part* value, Part* extractor, std::int64_t reject_future_ms) {
    key_ = static_cast<Codec<plain_t<K>>*>(key);
    value_ = static_cast<Codec<plain_t<V>>*>(value);
    extractor_ = static_cast<Extractor<K, plain_t<V>>*>(extractor);
    reject_future_ms_ = reject_future_ms;
    by_trait_ = key == nullptr && value == nullptr && extractor == nullptr && reject_future_ms == 0;
  }
  [[nodiscard]] bool extracts() const { return extractor_ != nullptr; }

  /// Decodes by the traits what has key, value and time; false for everything else, which `decode_any` knows.
  [[gnu::always_inline]] bool decode_plain(const RawMessage& message, K& key, V& value) const {
    if constexpr (optional_v<K> || optional_v<V>) {
      return false;
    } else {
      constexpr bool keyless = std::is_same_v<K, NoKey>;
      return by_trait_ && (keyless || message.key.data() != nullptr) && message.value.data() != nullptr &&
             message.timestamp >= Timestamp{} && detail::decode(message.key, key).ok() && detail::decode(message.value, value).ok();
    }
  }

  /// Decodes everything. False when the record goes no further; whoever has to know was told.
  [[gnu::noinline]] bool decode_any(const RawMessage& message, K& key, V& value, RecordContext& context, NodeId node) const {
    Task& task = *context.task;
    Decoded result;
    if (!fill(message, key, value, context, result)) {
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
    if (reject_future_ms_ != 0 && task.is_ahead(context.timestamp, reject_future_ms_)) {
      task.undecodable(node, message, malformed("its event time is further ahead of the clock than reject_future allows"));
      return false;
    }
    return true;
  }

  /// Event time only; nobody is told why there is none.
  bool time_of(const RawMessage& message, K& key, V& value, RecordContext& context, Timestamp& out) const {
    out = message.timestamp;
    Decoded result;
    if (!fill(message, key, value, context, result)) return false;
    return result.ok() && extract(key, value, context, out);
  }

 private:
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
  std::int64_t reject_future_ms_ = 0;
  bool by_trait_ = true;
};

}  // namespace klamm::inline v0::detail
