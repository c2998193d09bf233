#include "log/compaction.hpp"

#include <cstring>
#include <random>

namespace klamm::inline v0::log {
namespace {

std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

}  // namespace

NewestOffsets::NewestOffsets(std::size_t most_keys) : most_keys_{most_keys} {
  std::random_device random;
  for (auto& seed : seeds_) seed = (std::uint64_t{random()} << 32 | random()) | 1;
}

NewestOffsets::Fingerprint NewestOffsets::fingerprint(BytesView key) const {
  constexpr std::uint64_t odd[2] = {0x9e37'79b9'7f4a'7c15, 0xc2b2'ae3d'27d4'eb4f};
  std::uint64_t lanes[2] = {seeds_[0] ^ key.size(), seeds_[1] + key.size()};
  const auto mix = [&](std::uint64_t word) {
    lanes[0] = fold(lanes[0] ^ word ^ odd[0], seeds_[0] ^ odd[1]) + word;
    lanes[1] = fold(lanes[1] + word, seeds_[1] + odd[0]) ^ (word + odd[1]);
  };
  for (; key.size() >= 8; key = key.subspan(8)) {
    std::uint64_t word;
    std::memcpy(&word, key.data(), sizeof word);
    mix(word);
  }
  std::uint64_t rest = 0;
  if (!key.empty()) std::memcpy(&rest, key.data(), key.size());
  mix(rest);
  return {fold(lanes[0] ^ odd[1], lanes[1] | 1) ^ lanes[0], fold(lanes[1] ^ odd[0], lanes[0] | 1) ^ lanes[1]};
}

bool NewestOffsets::add(const RawMessage& message) {
  if (message.key.data() == nullptr) return true;
  const Fingerprint key = fingerprint(message.key);
  if (const auto found = newest_.find(key); found != newest_.end()) {
    found->second = message.offset;
    return true;
  }
  if (newest_.size() >= most_keys_) return false;
  newest_.emplace(key, message.offset);
  return true;
}

bool NewestOffsets::superseded(const RawMessage& message) const {
  if (message.key.data() == nullptr) return false;
  const auto found = newest_.find(fingerprint(message.key));
  return found != newest_.end() && found->second > message.offset;
}

void Rewriter::add(const RawMessage& message) {
  if (!builder_.empty() && (builder_.full() || !builder_.reaches(message.offset))) full_.push_back(builder_.take());
  builder_.append(message);
}

std::vector<std::shared_ptr<Batch>> Rewriter::take() {
  if (!builder_.empty()) full_.push_back(builder_.take());
  return std::exchange(full_, {});
}

}  // namespace klamm::inline v0::log
