#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "klamm/api.hpp"
#include "klamm/serde.hpp"

// What the two halves of a foreign-key join send each other. The left half tells the right one, in the partition of the foreign key, which
// left row refers to it (a subscription); the right half answers with its row's value, then and whenever that changes.

namespace klamm::inline v0::detail {

/// Which right row an answer is from. Left takes it only if its row still refers to that one. The left row's value is no part of it, as it
/// is in Kafka Streams: a value that a newer program writes in another way is still the same.
struct Reference {
  std::uint64_t fingerprint = 0;  ///< of the foreign key's bytes
  bool to_any = false;            ///< false: of a row whose foreign key is null

  friend bool operator==(const Reference&, const Reference&) = default;
};
/// Stable, because it is in topics (FNV-1a).
KLAMM_API Reference reference_to(BytesView foreign_key);

/// What a left row asks for.
enum class Ask : unsigned char {
  answer,           ///< remember it, and answer in any case
  answer_if_found,  ///< remember it, and answer if the right row is there
  forget,           ///< it does not refer to this row any more
  forget_and_answer,
};

/// A left row's word to the right row that it refers to. Its key in the topic is the foreign key, null where the row has none.
///
///     subscription := version:u8 (1)  ask:u8  partition:u32  left_key        (network order)
struct Subscription {
  Ask ask = Ask::answer;
  std::int32_t partition = 0;  ///< of the left row, where the answer goes
  Bytes left_key;
};

/// What the right half keeps of a subscription. The key of its row begins with the right row's, so that all of them are neighbours:
///
///     subscriber := version:u8 (1)  partition:u32        subscriber_key := foreign_key_size:u32  foreign_key  left_key
struct Subscriber {
  std::int32_t partition = 0;
};
/// The first two parts of a subscriber's key.
KLAMM_API void put_subscriber_prefix(BytesView foreign_key, Bytes& out);

/// The right row's value, or that there is none. Its key in the topic is the left row's.
///
///     answer := version:u8 (1)  parts:u8 (found:1 | to_any:2)  fingerprint:u64  [value]
template <class W> struct Answer {
  Reference from;
  bool found = false;
  W value{};
};
KLAMM_API void put_answer_head(const Reference& from, bool found, Bytes& out);
/// Takes the head off the front of `in`.
KLAMM_API Decoded take_answer_head(BytesView& in, Reference& from, bool& found);

}  // namespace klamm::inline v0::detail

namespace klamm::inline v0 {

template <> struct KLAMM_API serde<detail::Subscription> {
  static constexpr const char* schema = "subscription-1";
  static void encode(const detail::Subscription& value, Bytes& out);
  static Decoded decode(BytesView in, detail::Subscription& slot);
};

template <> struct KLAMM_API serde<detail::Subscriber> {
  static constexpr const char* schema = "subscriber-1";
  static void encode(const detail::Subscriber& value, Bytes& out);
  static Decoded decode(BytesView in, detail::Subscriber& slot);
};

template <class W>
requires(detail::has_serde_v<W>) struct serde<detail::Answer<W>> {
  static constexpr std::string_view begin = "answer-1<";
  static std::string schema() {
    const std::string value = detail::schema_of<W>();
    return value.empty() ? std::string{} : std::string{begin} + value + '>';
  }
  static Encoded encode(const detail::Answer<W>& answer, Bytes& out) {
    detail::put_answer_head(answer.from, answer.found, out);
    return answer.found ? detail::encode(answer.value, out) : Encoded{};
  }
  static Decoded decode(BytesView in, detail::Answer<W>& slot) {
    const Decoded head = detail::take_answer_head(in, slot.from, slot.found);
    return head.ok() && slot.found ? detail::decode(in, slot.value) : head;
  }
  static Decoded upgrade(std::string_view old_schema, BytesView in, detail::Answer<W>& slot) requires(detail::upgrades_v<W>) {
    if (!old_schema.starts_with(begin) || !old_schema.ends_with('>')) return malformed("no answer of a foreign-key join");
    old_schema.remove_prefix(begin.size());
    old_schema.remove_suffix(1);
    const Decoded head = detail::take_answer_head(in, slot.from, slot.found);
    return head.ok() && slot.found ? serde<W>::upgrade(old_schema, in, slot.value) : head;
  }
};

}  // namespace klamm::inline v0
