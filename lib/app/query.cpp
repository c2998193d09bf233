#include "klamm/query.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "klamm/detail/key_order.hpp"

// What a query does on the caller's thread: bounds, the merge of the partitions, other people's serdes.

namespace klamm::inline v0::detail {
namespace {

bool less(BytesView a, BytesView b) { return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end()); }

bool first_bit(const Bytes& key) { return !key.empty() && (key[0] & std::byte{0x80}) != std::byte{0}; }

}  // namespace

std::vector<KeyRange> ranges_between(KeyOrder order, std::optional<Bytes> from, std::optional<Bytes> to) {
  if (order != KeyOrder::signed_bytes) return {{std::move(from).value_or(Bytes{}), std::move(to)}};
  const Bytes middle{std::byte{0x80}};
  const bool from_negative = !from || first_bit(*from), to_negative = to && first_bit(*to);
  std::vector<KeyRange> ranges;
  if (from_negative) ranges.push_back({from ? *from : middle, to_negative ? to : std::nullopt});
  if (!to_negative) ranges.push_back({from_negative ? Bytes{} : *from, to ? *to : middle});
  return ranges;
}

std::vector<KeyRange> ranges_of_prefix(Bytes prefix) {
  Bytes end = prefix;
  while (!end.empty() && end.back() == std::byte{0xff}) end.pop_back();
  if (end.empty()) return {{std::move(prefix), std::nullopt}};
  end.back() = static_cast<std::byte>(std::to_integer<unsigned>(end.back()) + 1U);
  return {{std::move(prefix), std::move(end)}};
}

RowScan::RowScan(std::vector<std::unique_ptr<StoreSnapshot>> parts, std::vector<KeyRange> ranges)
    : parts_{std::move(parts)}, ranges_{std::move(ranges)} {}

RowScan::~RowScan() = default;

BytesView RowScan::key() const { return parts_[current_]->key(); }
BytesView RowScan::value() const { return parts_[current_]->value(); }

void RowScan::fail(Status status) {
  status_ = std::move(status);
  with_rows_.clear();
  next_range_ = ranges_.size();
  at_row_ = false;
}

bool RowScan::forward(std::size_t part) {
  Result<bool> found = parts_[part]->next();
  if (!found.ok()) return fail(found.status()), false;
  if (*found) with_rows_.push_back(part);
  return true;
}

bool RowScan::begin_range() {
  const KeyRange& range = ranges_[next_range_++];
  for (std::size_t part = 0; part < parts_.size(); ++part) {
    if (Status status = parts_[part]->seek(range); !status.ok()) return fail(std::move(status)), false;
    if (!forward(part)) return false;
  }
  return true;
}

bool RowScan::next() {
  if (std::exchange(at_row_, false)) {
    with_rows_.erase(std::find(with_rows_.begin(), with_rows_.end(), current_));
    if (!forward(current_)) return false;
  }
  while (with_rows_.empty()) {
    if (next_range_ == ranges_.size() || !begin_range()) return false;
  }
  // Of equal keys the one of the first partition.
  current_ = *std::min_element(with_rows_.begin(), with_rows_.end(), [this](std::size_t a, std::size_t b) {
    const BytesView key_a = parts_[a]->key(), key_b = parts_[b]->key();
    return less(key_a, key_b) || (a < b && !less(key_b, key_a));
  });
  return at_row_ = true;
}

namespace {

template <class F> const char* reason_of(F f) {
  try {
    const auto outcome = f();
    return outcome.ok() ? nullptr : outcome.reason;
  } catch (const std::bad_alloc&) {
    return "out of memory";
  } catch (...) {
    return "its serde threw an exception";
  }
}

}  // namespace

Status encode_key_guarded(const std::string& store, FunctionRef<Encoded()> encode) {
  const char* reason = reason_of(encode);
  if (reason == nullptr) return {};
  return {Code::invalid_argument, "table \"" + store + "\": the key that is asked for can't be encoded: " + reason, store};
}

Status decode_guarded(const std::string& store, FunctionRef<Decoded()> decode) {
  Code code = Code::data_loss;
  const char* reason = reason_of([&] {
    const Decoded decoded = decode();
    if (decoded.code == Decoded::Code::unavailable) code = Code::unavailable;
    return decoded;
  });
  if (reason == nullptr) return {};
  return {code, "table \"" + store + "\": a stored row can't be decoded: " + reason, store};
}

}  // namespace klamm::inline v0::detail
