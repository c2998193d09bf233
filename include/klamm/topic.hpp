#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "klamm/api.hpp"
#include "klamm/detail/codec.hpp"
#include "klamm/detail/partitioner.hpp"
#include "klamm/detail/speak.hpp"
#include "klamm/errors.hpp"
#include "klamm/serde.hpp"

namespace klamm::inline v0 {

namespace detail {

/// The name of a type as the compiler spells it: to tell types apart without RTTI, and for messages. Not for anything that is stored.
template <class T> constexpr std::string_view type_name() {
  const std::string_view name = __PRETTY_FUNCTION__;
  const std::size_t begin = name.find("T = ") + 4, end = name.find_first_of(";]", begin);
  return name.substr(begin, end - begin);
}

}  // namespace detail

/// Where an application begins to read a topic of which it has not committed anything yet.
enum class Start : bool {
  earliest,  ///< with the oldest record there is; the default
  latest,    ///< behind the newest there is when it first starts
};

/// What the graph keeps of a topic: everything but the types.
class KLAMM_API TopicInfo {
 public:
  std::string name;
  int partitions = 0;         ///< 0: as it is
  std::string_view key_type;  ///< the types without std::optional; empty for internal topics
  std::string_view value_type;
  detail::PartBox extractor;    ///< Extractor<K, V>, or empty
  detail::PartBox key_codec;    ///< Codec<K>, or empty
  detail::PartBox value_codec;  ///< Codec<V>, or empty
  detail::PartBox partitioner;  ///< Partitioner<K, V>, or empty
  std::optional<Start> start_at;
  std::optional<ErrorPolicy> on_error;
  Duration reject_future;  ///< zero: nothing is rejected

  TopicInfo(std::string topic_name, std::string_view key, std::string_view value);
  TopicInfo(const TopicInfo&);
  TopicInfo(TopicInfo&&) noexcept;
  TopicInfo& operator=(const TopicInfo&);
  TopicInfo& operator=(TopicInfo&&) noexcept;
  ~TopicInfo();
};

/// A topic: its name, its types, and how they are read and written. A value, made once and used as source, sink, through and query.
///
///     inline const auto clicks = klamm::Topic<std::string, Click>{"clicks"}.timestamp(&Click::at_ms);
///
/// A V that is std::optional reads null values as nullopt, and writes them; a K that is std::optional does so with null keys. In a topic of
/// plain values a null one is dropped and counted.
template <class K, class V> class Topic {
 public:
  using key_type = K;
  using value_type = V;

  /// At most 249 of `a-z A-Z 0-9 . _ -`; a topology that uses another name says so in `check()`.
  explicit Topic(const char* name) : info_{name, detail::type_name<detail::plain_t<K>>(), detail::type_name<detail::plain_t<V>>()} {}

  /// The number of partitions klamm creates or expects.
  [[nodiscard]] Topic partitions(int n) const {
    Topic copy{*this};
    copy.info_.partitions = n;
    return copy;
  }

  /// Event time from the record: `f(value)`, `f(key, value)` or with_record(f) gives milliseconds since 1970, or a Timestamp. A tombstone
  /// keeps the log's time. A record with a negative time is dropped and counted.
  template <class F> [[nodiscard]] Topic timestamp(F f) const {
    using Value = detail::plain_t<V>;
    static_assert(detail::callable_v<F, K, const Value&>, "klamm: Topic::timestamp(f): f must accept the topic's value, or (key, value)");
    static_assert(detail::gives_time_v<F, K, const Value&>,
                  "klamm: Topic::timestamp(f): f must return milliseconds since 1970 as an integer, or a klamm::Timestamp");
    Topic copy{*this};
    if constexpr (detail::callable_v<F, K, const Value&> && detail::gives_time_v<F, K, const Value&>) {
      using Part = detail::CallExtractor<K, Value, F>;
      copy.info_.extractor = detail::PartBox{std::unique_ptr<detail::Part>(new Part({std::move(f)}))};
    }
    return copy;
  }

  /// Objects that read and write this topic instead of the traits: `encode(const T&, Bytes&)` and `Decoded decode(BytesView, T&)`, which
  /// need not be const: each stage of each task has a copy. Stores and internal topics go on using `klamm::serde`.
  template <class KS, class VS> [[nodiscard]] Topic serde(KS key_serde, VS value_serde) const {
    using Key = detail::plain_t<K>;
    using Value = detail::plain_t<V>;
    constexpr bool ok = detail::codec_for_v<KS, Key> && detail::codec_for_v<VS, Value>;
    static_assert(ok,
                  "klamm: Topic::serde(keys, values): each must have encode(const T&, Bytes&) and Decoded decode(BytesView, T&) for the "
                  "topic's type");
    Topic copy{*this};
    if constexpr (ok) {
      copy.info_.key_codec = detail::PartBox{std::unique_ptr<detail::Part>(new detail::ObjectCodec<Key, KS>(std::move(key_serde)))};
      copy.info_.value_codec = detail::PartBox{std::unique_ptr<detail::Part>(new detail::ObjectCodec<Value, VS>(std::move(value_serde)))};
    }
    return copy;
  }

  /// Where to begin when nothing of the topic is committed yet. Where it began is committed with the first commit. A table is read from
  /// the earliest record in any case.
  [[nodiscard]] Topic start_at(Start start) const {
    Topic copy{*this};
    copy.info_.start_at = start;
    return copy;
  }

  /// What happens to records of this topic that can't go on, instead of the application's policy: to those read from it that can't be
  /// decoded, or on which a function throws before they reach the next topic; and to what can't be written to it, where the sink's policy
  /// goes before that of the topic in which the record began. A topic has one policy, whoever uses it.
  ///
  ///     const auto clicks = klamm::Topic<std::string, Click>{"clicks"}.on_error(klamm::dead_letter("bad-clicks"));
  [[nodiscard]] Topic on_error(ErrorPolicy policy) const {
    Topic copy{*this};
    copy.info_.on_error = std::move(policy);
    return copy;
  }

  /// Takes a record whose event time is more than `limit` ahead of the wall clock for one that can't be decoded: a single wrong clock would
  /// else close all windows. The error policy decides.
  [[nodiscard]] Topic reject_future(Duration limit) const {
    Topic copy{*this};
    copy.info_.reject_future = limit;
    return copy;
  }

  /// The partition a record is written to, by sinks, `through` and producers: `f(key, value, partitions)` gives 0 to partitions - 1; of a
  /// topic of NoKey `f(value, partitions)`. Nullable keys and values come as pointers. Without it keys are hashed as by Kafka's own
  /// clients. A partition that the topic does not have, or a null where the type has none, sends the record to the error policy for
  /// produce. Tables and joins of the topic need equal keys in one partition: choose by the key alone then.
  template <class F> [[nodiscard]] Topic partition_by(F f) const {
    static_assert(
        detail::partitions_v<F, K, V>,
        "klamm: Topic::partition_by(f): f must be const-callable as int f(key, value, int partitions), without the key for NoKey, "
        "and with pointers for std::optional keys and values");
    Topic copy{*this};
    if constexpr (detail::partitions_v<F, K, V>)
      copy.info_.partitioner = detail::PartBox{std::unique_ptr<detail::Part>(new detail::CallPartitioner<K, V, F>({std::move(f)}))};
    return copy;
  }

  [[nodiscard]] const std::string& name() const { return info_.name; }
  [[nodiscard]] const TopicInfo& info() const { return info_; }

 private:
  TopicInfo info_;
};

}  // namespace klamm::inline v0
