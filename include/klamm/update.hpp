#pragma once

#include <optional>
#include <type_traits>

#include "klamm/serde/composite.hpp"

namespace klamm::inline v0 {

/// A change of one key of a table: the value before and the value now; null where there was or is none. Owns both, so it may be kept, and
/// assigning to it reuses their memory.
///
///     accounts.changes().filter([](const klamm::Update<Account>& u) { return u.old_value() == nullptr; })   // new ones
template <class V> class Update {
 public:
  Update() = default;
  /// Copies what is not null.
  Update(const V* old_value, const V* new_value) { assign(old_value, new_value); }

  /// Null: the key was not there.
  [[nodiscard]] const V* old_value() const { return has_old_ ? &old_ : nullptr; }
  /// Null: the key was erased.
  [[nodiscard]] const V* new_value() const { return has_new_ ? &new_ : nullptr; }

  void assign(const V* old_value, const V* new_value) {
    has_old_ = old_value != nullptr;
    has_new_ = new_value != nullptr;
    if (has_old_) old_ = *old_value;
    if (has_new_) new_ = *new_value;
  }

  friend bool operator==(const Update& a, const Update& b) {
    const auto same = [](const V* x, const V* y) { return x == nullptr || y == nullptr ? x == y : *x == *y; };
    return same(a.old_value(), b.old_value()) && same(a.new_value(), b.new_value());
  }

 private:
  friend struct serde<Update<V>>;

  V old_{}, new_{};
  bool has_old_ = false, has_new_ = false;
};

template <class V> inline constexpr bool borrowed_v<Update<V>> = borrowed_v<V>;

/// What travels between the two halves of a table's grouping.
///
///     update := version:u8 (2)  parts:u8 (0 | old:1 | new:2)  [old: a field of serde/composite.hpp]  [new: the value's bytes]
template <class V>
requires(detail::has_serde_v<V>) struct serde<Update<V>> {
  static constexpr std::byte version{2};
  static constexpr unsigned old_part = 1, new_part = 2;

  static std::string schema() {
    const std::string value = detail::schema_of<V>();
    return value.empty() ? std::string{} : "update<" + value + '>';
  }
  static Encoded encode(const Update<V>& update, Bytes& out) {
    const V* const before = update.old_value();
    const V* const now = update.new_value();
    const unsigned parts = (before != nullptr ? old_part : 0U) | (now != nullptr ? new_part : 0U);
    const std::byte head[] = {version, static_cast<std::byte>(parts)};
    detail::append(out, head, sizeof head);
    if (before != nullptr) {
      if (const Encoded result = detail::put(*before, out); !result.ok()) return result;
    }
    return now != nullptr ? detail::encode(*now, out) : Encoded{};
  }
  static Decoded decode(BytesView in, Update<V>& slot) {
    if (in.size() < 2) return malformed("update without its head");
    if (in[0] != version) return malformed("update of a version that this program does not know");
    const auto parts = static_cast<unsigned>(in[1]);
    if (parts > (old_part | new_part)) return malformed("update with parts that this program does not know");
    in = in.subspan(2);
    slot.has_old_ = (parts & old_part) != 0;
    slot.has_new_ = (parts & new_part) != 0;
    if (slot.has_old_) {
      if (const Decoded result = detail::take(in, slot.old_); !result.ok()) return result;
    }
    if (slot.has_new_) return detail::decode(in, slot.new_);
    return in.empty() ? Decoded{} : malformed("update with bytes behind its last part");
  }
};

}  // namespace klamm::inline v0
