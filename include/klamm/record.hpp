#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "klamm/api.hpp"
#include "klamm/time.hpp"

namespace klamm::inline v0 {

namespace detail {
class Task;
}

using Bytes = std::vector<std::byte>;
/// Bytes of somebody else. `data() == nullptr` means null, which is not the same as empty.
using BytesView = std::span<const std::byte>;

/// The key of a topic whose keys mean nothing. Sinks write a null key.
struct NoKey {
  friend constexpr bool operator==(NoKey, NoKey) = default;
};

/// One header of a record; a null value has `data() == nullptr`.
struct Header {
  std::string_view key;
  BytesView value;
};

/// The headers of a record: a view of their serialised form, in the order in which they were written, duplicates included.
///
///     headers := header*      header := key_size:u32  value_size:u32 (0xffffffff: null)  key  value      (little endian)
class KLAMM_API Headers {
 public:
  constexpr Headers() = default;
  constexpr explicit Headers(BytesView bytes) : bytes_{bytes} {}

  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  [[nodiscard]] BytesView bytes() const { return bytes_; }
  /// The last value of `key`; null when there is none or it is null.
  [[nodiscard]] BytesView find(std::string_view key) const;
  /// Takes the first header off the front: false at the end, or where the bytes are damaged.
  bool next(Header& header);
  static void append(Bytes& out, const Header& header);

 private:
  BytesView bytes_;
};

/// What is known of a record beside key and value. One object travels along a chain by reference.
struct RecordContext {
  Timestamp timestamp;
  std::int64_t offset = -1;
  std::int32_t partition = 0;
  std::int32_t node = -1;  ///< the operator that is at work, for messages
  bool null_key = false;   ///< the key slot holds nothing of this record
  const std::string* topic = nullptr;
  Headers headers;
  detail::Task* task = nullptr;
};

/// A view of a whole record, for callables wrapped in `with_record`. Valid during the call.
template <class K, class V> struct Record {
  const K& key;
  V& value;
  const RecordContext& context;

  [[nodiscard]] bool has_key() const { return !context.null_key; }
  [[nodiscard]] Timestamp timestamp() const { return context.timestamp; }
  [[nodiscard]] const std::string& topic() const { return *context.topic; }
  [[nodiscard]] std::int32_t partition() const { return context.partition; }
  [[nodiscard]] std::int64_t offset() const { return context.offset; }
  [[nodiscard]] Headers headers() const { return context.headers; }
};

/// Returned by map and flat_map to give the record a new key.
template <class K, class V> struct KeyValue {
  K key;
  V value;
  friend bool operator==(const KeyValue&, const KeyValue&) = default;
};
template <class K, class V> KeyValue(K, V) -> KeyValue<K, V>;

/// What a fold answers: keep the entry, or erase it (a tombstone downstream).
enum class Entry : bool { keep, erase };

/// A record as the log has it.
struct RawMessage {
  BytesView key;
  BytesView value;
  Timestamp timestamp{};
  std::int64_t offset = -1;
  std::int32_t partition = 0;
  BytesView headers{};  ///< in the form of `Headers`
};

/// Gives `f` the whole record: `.filter(with_record([](const auto& record) { return record.partition() == 0; }))`.
template <class F> struct WithRecord { F f; };
template <class F> WithRecord<F> with_record(F f) { return {std::move(f)}; }

/// Makes one callable for each task: `.map(per_task([] { return Parser{}; }))`. What it makes need not be const-callable.
template <class Make> struct PerTask { Make make; };
template <class Make> PerTask<Make> per_task(Make make) { return {std::move(make)}; }

}  // namespace klamm::inline v0
