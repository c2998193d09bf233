#include "klamm/detail/held_keys.hpp"

#include <algorithm>
#include <functional>
#include <string_view>

namespace klamm::inline v0::detail {

std::uint64_t HeldKeys::hash_of(BytesView key) {
  return std::hash<std::string_view>{}({reinterpret_cast<const char*>(key.data()), key.size()});
}

std::size_t HeldKeys::slot_of(BytesView key, std::uint64_t hash) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  for (; slots_[at] != 0; at = (at + 1) & mask) {
    const std::size_t number = slots_[at] - 1;
    if (keys_[number].hash != hash) continue;
    const BytesView known = this->key(number);
    if (std::equal(known.begin(), known.end(), key.begin(), key.end())) break;
  }
  return at;
}

std::size_t HeldKeys::find(BytesView key) const {
  if (keys_.empty()) return 0;
  const std::uint32_t number = slots_[slot_of(key, hash_of(key))];
  return number != 0 ? number - 1 : keys_.size();
}

HeldKeys::Found HeldKeys::add(BytesView key) {
  if (slots_.size() < 2 * (keys_.size() + 1)) grow();
  const std::uint64_t hash = hash_of(key);
  const std::size_t at = slot_of(key, hash);
  if (slots_[at] != 0) return {slots_[at] - 1, false};
  bytes_.insert(bytes_.end(), key.begin(), key.end());
  keys_.push_back({bytes_.size(), hash});
  slots_[at] = static_cast<std::uint32_t>(keys_.size());
  return {keys_.size() - 1, true};
}

BytesView HeldKeys::key(std::size_t number) const {
  const std::size_t begin = number == 0 ? 0 : keys_[number - 1].end;
  return BytesView{bytes_}.subspan(begin, keys_[number].end - begin);
}

void HeldKeys::clear() {
  if (keys_.empty()) return;
  bytes_.clear();
  keys_.clear();
  std::fill(slots_.begin(), slots_.end(), 0U);
}

void HeldKeys::grow() {
  slots_.assign(std::max<std::size_t>(64, slots_.size() * 2), 0U);
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    std::size_t at = keys_[i].hash & mask;
    while (slots_[at] != 0) at = (at + 1) & mask;
    slots_[at] = static_cast<std::uint32_t>(i + 1);
  }
}

}  // namespace klamm::inline v0::detail
