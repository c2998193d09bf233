#include "state/commit_batch.hpp"

#include <algorithm>

#include "state/key_hash.hpp"

namespace klamm::state {
namespace {

/// What is sorted: eight bytes of the key behind what all keys share decide nearly every comparison without a miss.
struct Item {
  std::uint64_t prefix;
  std::uint32_t batch;
  std::uint32_t at;
};

std::uint64_t prefix_of(BytesView key, std::size_t skip) {
  std::uint64_t prefix = 0;
  if (key.size() > skip) std::memcpy(&prefix, key.data() + skip, std::min<std::size_t>(8, key.size() - skip));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  prefix = __builtin_bswap64(prefix);
#endif
  return prefix;
}

std::size_t shared_prefix(BytesView a, BytesView b, std::size_t limit) {
  const std::size_t n = std::min({a.size(), b.size(), limit});
  return static_cast<std::size_t>(std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(n), b.begin()).first - a.begin());
}

bool same_key(BytesView a, BytesView b) { return a.size() == b.size() && equal_bytes(a.data(), b.data(), a.size()); }

}  // namespace

void CommitBatch::append(const Change& change) {
  if (change.tombstone()) return append_tombstone(change.key, change.timestamp);
  append(change.key, change.timestamp, [&](Bytes& out) -> const char* {
    out.insert(out.end(), change.value.begin(), change.value.end());
    return nullptr;
  });
}

std::vector<Change> sorted_changes(std::span<const BatchPtr> batches) {
  std::vector<Item> items;
  BytesView first;
  std::size_t skip = 0;
  for (std::uint32_t b = 0; b < batches.size(); ++b) {
    for (std::size_t at = 0; at < batches[b]->bytes(); at = batches[b]->next(at)) {
      const BytesView key = batches[b]->change_at(at).key;
      if (items.empty()) first = key, skip = key.size();
      skip = shared_prefix(first, key, skip);
      items.push_back({0, b, static_cast<std::uint32_t>(at)});
    }
  }
  const auto change = [&](const Item& item) { return batches[item.batch]->change_at(item.at); };
  for (auto& item : items) item.prefix = prefix_of(change(item).key, skip);
  std::sort(items.begin(), items.end(), [&](const Item& a, const Item& b) {
    if (a.prefix != b.prefix) return a.prefix < b.prefix;
    const BytesView key_a = change(a).key, key_b = change(b).key;
    if (!same_key(key_a, key_b)) return key_less(key_a, key_b);
    return a.batch != b.batch ? a.batch < b.batch : a.at < b.at;
  });

  std::vector<Change> result;
  result.reserve(items.size());
  for (const auto& item : items) {
    const Change next = change(item);
    if (!result.empty() && same_key(result.back().key, next.key)) {
      result.back() = next;
    } else {
      result.push_back(next);
    }
  }
  return result;
}

std::vector<BatchPtr> fold(std::span<const Change> sorted, std::span<const BatchPtr> from) {
  std::size_t left = 0;
  for (const auto& change : sorted) left += CommitBatch::bytes_of(change);
  std::vector<BatchPtr> result;
  for (std::size_t i = 0; i < sorted.size() || result.empty();) {
    auto batch = std::make_shared<CommitBatch>(std::min(left, CommitBatch::most_bytes));
    for (; i < sorted.size() && (batch->bytes() == 0 || batch->bytes() + CommitBatch::bytes_of(sorted[i]) <= CommitBatch::most_bytes);
         ++i) {
      batch->append(sorted[i]);
    }
    left -= std::min(left, batch->bytes());
    batch->first = from.front()->first;
    batch->number = from.back()->number;
    batch->position = from.back()->position;
    batch->mark = from.back()->mark;
    result.push_back(std::move(batch));
  }
  return result;
}

}  // namespace klamm::state
