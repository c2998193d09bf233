#include "klamm/detail/foreign_key.hpp"

#include <cstring>

namespace klamm::inline v0 {
namespace {

constexpr std::uint8_t format = 1;
constexpr std::uint8_t found_part = 1, to_any_part = 2;

template <class T> void put_number(T value, Bytes& out) { serde<T>::encode(value, out); }

template <class T> bool take_number(BytesView& in, T& value) {
  if (in.size() < sizeof value) return false;
  std::memcpy(&value, in.data(), sizeof value);
  value = detail::swap_bytes(value);
  in = in.subspan(sizeof value);
  return true;
}

/// The version, which all messages begin with.
Decoded take_version(BytesView& in) {
  std::uint8_t found = 0;
  if (!take_number(in, found)) return malformed("a message of a foreign-key join without its version");
  return found == format ? Decoded{} : malformed("a message of a foreign-key join of a version that this program does not know");
}

}  // namespace

detail::Reference detail::reference_to(BytesView foreign_key) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const std::byte b : foreign_key) hash = (hash ^ static_cast<std::uint64_t>(b)) * 0x100000001b3;
  return {hash, true};
}

void detail::put_subscriber_prefix(BytesView foreign_key, Bytes& out) {
  put_number(static_cast<std::uint32_t>(foreign_key.size()), out);
  append(out, foreign_key.data(), foreign_key.size());
}

void detail::put_answer_head(const Reference& from, bool found, Bytes& out) {
  put_number(format, out);
  put_number(static_cast<std::uint8_t>((found ? found_part : 0) | (from.to_any ? to_any_part : 0)), out);
  put_number(from.fingerprint, out);
}

Decoded detail::take_answer_head(BytesView& in, Reference& from, bool& found) {
  if (const Decoded known = take_version(in); !known.ok()) return known;
  std::uint8_t parts = 0;
  if (!take_number(in, parts) || !take_number(in, from.fingerprint)) return malformed("an answer of a foreign-key join that is too short");
  if (parts > (found_part | to_any_part)) return malformed("an answer of a foreign-key join with parts that this program does not know");
  found = (parts & found_part) != 0;
  from.to_any = (parts & to_any_part) != 0;
  return {};
}

void serde<detail::Subscription>::encode(const detail::Subscription& value, Bytes& out) {
  put_number(format, out);
  put_number(static_cast<std::uint8_t>(value.ask), out);
  put_number(value.partition, out);
  detail::append(out, value.left_key.data(), value.left_key.size());
}

Decoded serde<detail::Subscription>::decode(BytesView in, detail::Subscription& slot) {
  if (const Decoded known = take_version(in); !known.ok()) return known;
  std::uint8_t ask = 0;
  if (!take_number(in, ask) || !take_number(in, slot.partition)) return malformed("a subscription of a foreign-key join that is too short");
  if (ask > static_cast<std::uint8_t>(detail::Ask::forget_and_answer))
    return malformed("a subscription of a foreign-key join that asks what this program does not know");
  slot.ask = static_cast<detail::Ask>(ask);
  slot.left_key.assign(in.begin(), in.end());
  return {};
}

void serde<detail::Subscriber>::encode(const detail::Subscriber& value, Bytes& out) {
  put_number(format, out);
  put_number(value.partition, out);
}

Decoded serde<detail::Subscriber>::decode(BytesView in, detail::Subscriber& slot) {
  if (const Decoded known = take_version(in); !known.ok()) return known;
  return take_number(in, slot.partition) && in.empty() ? Decoded{} : malformed("a subscriber of another size");
}

}  // namespace klamm::inline v0
