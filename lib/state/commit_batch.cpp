#include "state/commit_batch.hpp"

#include <algorithm>
#include <utility>

#include "state/key_hash.hpp"

namespace klamm::inline v0::state {
namespace {

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

/// The newest record of each key, in the order of the keys. `batches`: oldest first.
std::vector<SortItem> sorted_items(std::span<const CommitBatch* const> batches) {
  std::size_t records = 0;
  for (const auto* batch : batches) records += batch->records();
  std::vector<SortItem> items;
  items.reserve(records);
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
  const auto key_of = [&](const SortItem& item) { return batches[item.batch]->change_at(item.at).key; };
  for (auto& item : items) item.prefix = prefix_of(key_of(item), skip);
  std::sort(items.begin(), items.end(), [&](const SortItem& a, const SortItem& b) {
    if (a.prefix != b.prefix) return a.prefix < b.prefix;
    const BytesView key_a = key_of(a), key_b = key_of(b);
    if (!same_key(key_a, key_b)) return key_less(key_a, key_b);
    return a.batch != b.batch ? a.batch < b.batch : a.at < b.at;
  });
  std::size_t kept = 0;
  for (const SortItem& item : items) {
    const bool newer = kept != 0 && items[kept - 1].prefix == item.prefix && same_key(key_of(items[kept - 1]), key_of(item));
    items[newer ? kept - 1 : kept++] = item;
  }
  items.resize(kept);
  return items;
}

}  // namespace

void CommitBatch::append(const Change& change) {
  if (change.tombstone()) return append_tombstone(change.key, change.timestamp);
  append(change.key, change.timestamp, [&](Bytes& out) -> const char* {
    out.insert(out.end(), change.value.begin(), change.value.end());
    return nullptr;
  });
}

const std::vector<std::uint32_t>& CommitBatch::order() const {
  std::call_once(sorted_, [this] {
    const CommitBatch* batch = this;
    const auto items = sorted_items({&batch, 1});
    order_.reserve(items.size());
    for (const SortItem& item : items) order_.push_back(item.at);
  });
  return order_;
}

SortedChanges::SortedChanges(std::vector<BatchPtr> batches) : batches_{std::move(batches)} {
  std::vector<const CommitBatch*> plain;
  plain.reserve(batches_.size());
  for (const auto& batch : batches_) plain.push_back(batch.get());
  items_ = sorted_items(plain);
  for (const SortItem& item : items_) bytes_ += CommitBatch::bytes_of(change(item));
}

std::vector<BatchPtr> fold(const SortedChanges& changes) {
  const auto from = changes.batches();
  std::size_t left = changes.bytes();
  std::vector<BatchPtr> result;
  for (std::size_t i = 0; i < changes.size() || result.empty();) {
    auto batch = std::make_shared<CommitBatch>(std::min(left, CommitBatch::most_bytes));
    for (; i < changes.size(); ++i) {
      const Change change = changes[i];
      if (batch->bytes() != 0 && batch->bytes() + CommitBatch::bytes_of(change) > CommitBatch::most_bytes) break;
      batch->append(change);
    }
    left -= std::min(left, batch->bytes());
    batch->first = from.front()->first;
    batch->number = from.back()->number;
    batch->position = from.back()->position;
    batch->mark = from.back()->mark;
    batch->first_segment = from.back()->first_segment;
    result.push_back(std::move(batch));
  }
  return result;
}

}  // namespace klamm::inline v0::state
