#pragma once

#include <optional>
#include <string>
#include <type_traits>

#include "klamm/api.hpp"
#include "klamm/detail/rows.hpp"
#include "klamm/status.hpp"
#include "klamm/topic.hpp"

// Records on their way into and out of topics from outside a topology: producers, feeders, test drivers.

namespace klamm::inline v0::detail {

/// Calls `encode`; what it returns or throws becomes a status that names the topic.
KLAMM_API Status encode_guarded(const std::string& topic, FunctionRef<Encoded()> encode);

/// Serialises a key or value by the topic's serde object, if it has one, or by the trait. A null one stays `data() == nullptr`.
template <class T> Status encode_outside(const std::string& topic, const PartBox& codec, const T& value, Bytes& bytes, BytesView& out) {
  out = {};
  if constexpr (std::is_same_v<T, NoKey>) {
    return {};
  } else {
    const plain_t<T>* plain = nullptr;
    if constexpr (optional_v<T>) {
      if (!value) return {};
      plain = &*value;
    } else {
      plain = &value;
    }
    bytes.clear();
    bytes.reserve(64);  // so that an empty value is not a null one
    Status status = encode_guarded(topic, [&]() -> Encoded {
      if (codec.empty()) return detail::encode(*plain, bytes);
      const PartBox own{codec};  // serde objects are one thread's
      return static_cast<Codec<plain_t<T>>*>(own.get())->encode(*plain, bytes);
    });
    if (status.ok()) out = bytes;
    return status;
  }
}

/// What a nullable key or value holds; null for none.
template <class T> const plain_t<T>* held_by(const T* x) {
  if constexpr (optional_v<T>)
    return x != nullptr && *x ? &**x : nullptr;
  else
    return x;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"  // g++ 12 at -O2 takes a function object without members for uninitialised

/// Asks the topic's partitioner, if it has one.
template <class K, class V>
Status partition_outside(const TopicInfo& topic, const K* key, const V* value, int partitions, std::optional<std::int32_t>& out) {
  if (topic.partitioner.empty() || out || partitions <= 0) return {};
  const PartBox own{topic.partitioner};
  const char* refused = nullptr;
  // A function that throws is told as one that refuses.
  Status status = encode_guarded(topic.name, [&] {
    const std::int32_t chosen =
        static_cast<Partitioner<plain_t<K>, plain_t<V>>*>(own.get())->choose(held_by(key), held_by(value), partitions, refused);
    out = chosen;
    Encoded encoded;
    if (refused != nullptr) encoded = unencodable(refused);
    return encoded;
  });
  return status;
}

#pragma GCC diagnostic pop

/// The reverse; nothing for null and for what can't be decoded.
template <class T> std::optional<plain_t<T>> decode_outside(const PartBox& codec, const std::optional<std::string>& bytes) {
  if (!bytes) return std::nullopt;
  const BytesView in{reinterpret_cast<const std::byte*>(bytes->data()), bytes->size()};
  plain_t<T> value{};
  const PartBox own{codec};
  const Decoded decoded = own.empty() ? detail::decode(in, value) : static_cast<Codec<plain_t<T>>*>(own.get())->decode(in, value);
  if (!decoded.ok()) return std::nullopt;
  return value;
}

}  // namespace klamm::inline v0::detail
