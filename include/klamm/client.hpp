#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>

#include "klamm/api.hpp"
#include "klamm/detail/outside.hpp"
#include "klamm/log_choice.hpp"
#include "klamm/logging.hpp"
#include "klamm/producer.hpp"
#include "klamm/topic.hpp"

namespace klamm::inline v0 {

namespace detail {

/// Decodes a key or value of a record; what goes wrong, or a null where the type has none, becomes a status that names the record.
KLAMM_API Status decode_record_guarded(const std::string& topic, const RawMessage& message, const char* part,
                                       FunctionRef<Decoded()> decode);

template <class T>
Status decode_record(const std::string& topic, const RawMessage& message, const char* part, Codec<plain_t<T>>* codec, T& out) {
  if constexpr (std::is_same_v<T, NoKey>) {
    return {};
  } else {
    const BytesView bytes = part[0] == 'k' ? message.key : message.value;
    if constexpr (optional_v<T>) {
      if (bytes.data() == nullptr) return out.reset(), Status{};
      if (!out) out.emplace();
    }
    return decode_record_guarded(topic, message, part, [&]() -> Decoded {
      if (bytes.data() == nullptr) return malformed("is null: its type in the topic should be a std::optional");
      plain_t<T>* plain = nullptr;
      if constexpr (optional_v<T>)
        plain = &*out;
      else
        plain = &out;
      return codec == nullptr ? detail::decode(bytes, *plain) : codec->decode(bytes, *plain);
    });
  }
}

}  // namespace detail

/// A record as `Client::read` shows it.
template <class K, class V> struct TopicRecord {
  K key{};
  V value{};
  Timestamp timestamp;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
};

struct ClientOptions {
  std::string name = "klamm-client";  ///< told to the brokers, for people to read
  LogSink log_sink{};                 ///< as `AppOptions` has it
};

/// Works with the topics of a Kafka cluster without a topology: makes them, writes into them, reads what is there. For programs that feed
/// an application or look at what it has written. Any thread.
///
///     klamm::Client client{klamm::kafka("localhost:9092")};
///     if (auto status = client.open(10s); !status.ok()) return status;
///     auto out = client.producer(orders);
///     for (const Order& order : read()) static_cast<void>(out.send(klamm::NoKey{}, order));
///     return out.flush();
class KLAMM_API Client {
 public:
  explicit Client(LogChoice log, ClientOptions options = {});
  /// Ends its producers; what they have not flushed may be lost.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Checks the options and waits for a broker. `unavailable` when none has answered by then: to be called again.
  Status open(Duration deadline);
  /// How many partitions a topic has; 0 when there is no such topic.
  Result<int> partitions(const std::string& topic);
  /// Makes the topic with the count that it says (`Topic::partitions`), and the brokers' defaults; `failed_precondition` when there is one
  /// with another count.
  template <class K, class V> Status create(const Topic<K, V>& topic) { return create_topic(topic.name(), topic.info().partitions); }
  /// Writes into a topic. Any thread; refuses when the client is gone.
  template <class K, class V> Producer<K, V> producer(const Topic<K, V>& topic) { return {raw_producer(topic.name()), topic}; }

  /// Calls `f` with a `const TopicRecord<K, V>&` for each record that is in the topic now: committed ones, partition by partition, oldest
  /// first, until where each partition ended when this was called. A record that can't be decoded ends it, with a status that names it.
  ///
  ///     client.read(totals, [&](const auto& record) { last[record.key] = record.value; });
  template <class K, class V, class F> Status read(const Topic<K, V>& topic, F f) {
    static_assert(std::is_invocable_v<F&, const TopicRecord<K, V>&>,
                  "klamm: client.read(f): f must be callable as f(const TopicRecord<K, V>&), with the topic's key and value types");
    if constexpr (std::is_invocable_v<F&, const TopicRecord<K, V>&>) {
      TopicRecord<K, V> record;
      const detail::PartBox keys{topic.info().key_codec}, values{topic.info().value_codec};  // own ones: serde objects are one thread's
      return read_topic(topic.name(), [&](const RawMessage& message) -> Status {
        Status status =
            detail::decode_record(topic.name(), message, "key", static_cast<detail::Codec<detail::plain_t<K>>*>(keys.get()), record.key);
        if (status.ok()) {
          status = detail::decode_record(topic.name(), message, "value", static_cast<detail::Codec<detail::plain_t<V>>*>(values.get()),
                                         record.value);
        }
        if (!status.ok()) return status;
        record.timestamp = message.timestamp;
        record.partition = message.partition;
        record.offset = message.offset;
        f(static_cast<const TopicRecord<K, V>&>(record));
        return {};
      });
    } else {
      return {};
    }
  }

 private:
  Status create_topic(const std::string& topic, int partitions);
  detail::RawProducer raw_producer(const std::string& topic);
  Status read_topic(const std::string& topic, detail::FunctionRef<Status(const RawMessage&)> take);

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace klamm::inline v0
