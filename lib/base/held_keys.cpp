#include "klamm/detail/held_keys.hpp"

#include <algorithm>
#include <functional>
#include <string_view>

namespace klamm::inline v0::detail {

HeldKeys::Found HeldKeys::add(BytesView key) {
  if (slots_.size() < 2 * (keys_.size() + 1)) grow();
  const std::uint64_t hash = std::hash<std::string_view>{}({reinterpret_cast<const char*>(key.data()), key.size()});
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  for (; slots_[at] != 0; at = (at + 1) & mask) {
    const std::size_t number = slots_[at] - 1;
    if (keys_[number].hash != hash) continue;
    const BytesView known = this->key(number);
    if (std::equal(known.begin(), known.end(), key.begin(), key.end())) return {number, false};
  }
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
