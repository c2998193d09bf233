#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "klamm/api.hpp"
#include "klamm/detail/outside.hpp"
#include "klamm/topic.hpp"

namespace klamm::inline v0 {

struct SendOptions {
  std::optional<Timestamp> timestamp{};     ///< now if empty
  std::optional<std::int32_t> partition{};  ///< if empty: by the topic's partition_by, else by the key's hash, as Kafka's own clients
};

/// How `Producer::try_send` ended.
enum class Send : unsigned char {
  sent,
  full,    ///< too much is waiting: try again later
  failed,  ///< the application has stopped, or the value can't be encoded: `send` says why
};

namespace detail {

/// A producer or feeder without the types. Thread-safe; copies are the same producer.
class KLAMM_API RawProducer {
 public:
  struct Impl;
  explicit RawProducer(std::shared_ptr<Impl> impl) : impl_{std::move(impl)} {}
  Status send(BytesView key, BytesView value, const SendOptions& options, std::optional<std::int64_t> position) const;
  Send try_send(BytesView key, BytesView value, const SendOptions& options) const;
  Status flush() const;
  /// Of the topic; 0 when there is none.
  [[nodiscard]] int partitions() const;
  [[nodiscard]] Result<std::int64_t> position() const;
  Status status() const;

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace detail

/// Puts records into a topic from outside the topology. Any thread; copies are the same producer.
template <class K, class V> class Producer {
 public:
  Producer(detail::RawProducer raw, const Topic<K, V>& topic) : raw_{std::move(raw)}, topic_{topic} {}

  /// Copies the record; waits while too much is waiting to be written. `invalid_argument` when key or value can't be encoded.
  Status send(const K& key, const V& value, const SendOptions& options = {}) const {
    Bytes k, v;
    BytesView key_bytes, value_bytes;
    SendOptions chosen = options;
    if (Status status = encode(key, value, k, v, key_bytes, value_bytes, chosen); !status.ok()) return status;
    return raw_.send(key_bytes, value_bytes, chosen, std::nullopt);
  }
  /// Never blocks.
  [[nodiscard]] Send try_send(const K& key, const V& value, const SendOptions& options = {}) const {
    Bytes k, v;
    BytesView key_bytes, value_bytes;
    SendOptions chosen = options;
    if (!encode(key, value, k, v, key_bytes, value_bytes, chosen).ok()) return Send::failed;
    return raw_.try_send(key_bytes, value_bytes, chosen);
  }
  /// Returns when all that was sent before is in the log for good.
  Status flush() const { return raw_.flush(); }
  /// Why it can't send, if it can't.
  Status status() const { return raw_.status(); }

 private:
  Status encode(const K& key, const V& value, Bytes& k, Bytes& v, BytesView& key_bytes, BytesView& value_bytes, SendOptions& chosen) const {
    if (Status status = detail::partition_outside(topic_.info(), &key, &value, raw_.partitions(), chosen.partition); !status.ok())
      return status;
    if (Status status = detail::encode_outside(topic_.name(), topic_.info().key_codec, key, k, key_bytes); !status.ok()) return status;
    return detail::encode_outside(topic_.name(), topic_.info().value_codec, value, v, value_bytes);
  }

  detail::RawProducer raw_;
  Topic<K, V> topic_;
};

/// Puts records into a topic together with a position in what they were read from (a file's byte offset, say): both become durable in one
/// commit, so a feeder that starts again at `position()` neither loses nor repeats. Embedded log only. One thread.
template <class K, class V> class Feeder {
 public:
  Feeder(detail::RawProducer raw, const Topic<K, V>& topic) : raw_{std::move(raw)}, topic_{topic} {}

  /// The last committed position; 0 before the first.
  [[nodiscard]] Result<std::int64_t> position() const { return raw_.position(); }
  /// `position`: where to go on behind this record.
  Status send(const K& key, const V& value, std::int64_t position, const SendOptions& options = {}) {
    BytesView key_bytes, value_bytes;
    SendOptions chosen = options;
    if (Status status = detail::partition_outside(topic_.info(), &key, &value, raw_.partitions(), chosen.partition); !status.ok())
      return status;
    if (Status status = detail::encode_outside(topic_.name(), topic_.info().key_codec, key, key_, key_bytes); !status.ok()) return status;
    if (Status status = detail::encode_outside(topic_.name(), topic_.info().value_codec, value, value_, value_bytes); !status.ok())
      return status;
    return raw_.send(key_bytes, value_bytes, chosen, position);
  }
  /// Returns when all that was sent before is in the log for good, with its positions.
  Status flush() const { return raw_.flush(); }
  /// Why it can't send, if it can't.
  Status status() const { return raw_.status(); }

 private:
  detail::RawProducer raw_;
  Topic<K, V> topic_;
  Bytes key_, value_;
};

}  // namespace klamm::inline v0
