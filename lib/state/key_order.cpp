#include "state/key_order.hpp"

#include <algorithm>

namespace klamm::inline v0::state {
namespace {

std::string_view text(BytesView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

template <class Out> void put_big_endian(std::uint64_t value, int bytes, Out& out) {
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<typename Out::value_type>(value >> (8 * i)));
}

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

// What a key takes beside its bytes: a tree node with a string, and what the allocator adds.
constexpr std::size_t node_bytes = 80;

}  // namespace

KeyOrder::KeyOrder(const RowOrder& order) : order_{order} {}

void KeyOrder::put_tail(RowTime time, std::string& out) const {
  put_big_endian(static_cast<std::uint64_t>(time.first), 8, out);
  put_big_endian(static_cast<std::uint64_t>(time.second), order_.tail == Tail::session ? 8 : 4, out);
}

RowTime KeyOrder::tail_of(std::string_view tail) const {
  return {static_cast<std::int64_t>(big_endian(tail.substr(0, 8))), static_cast<std::int64_t>(big_endian(tail.substr(8)))};
}

KeyOrder::Segment KeyOrder::segment_of_time(std::int64_t time) const {
  return order_.segment_ms <= 0 || time < 0 ? 0 : static_cast<Segment>(time / order_.segment_ms);
}

KeyOrder::Segment KeyOrder::segment_at(Timestamp time) const { return segment_of_time(time.milliseconds()); }

void KeyOrder::compose(BytesView key, RowTime time, Bytes& out) const {
  out.clear();
  put_big_endian(segment_of_time(time.first), segment_bytes, out);
  out.insert(out.end(), key.begin(), key.end());
  if (order_.tail == Tail::key) return;
  put_big_endian(static_cast<std::uint64_t>(time.first), 8, out);
  put_big_endian(static_cast<std::uint64_t>(time.second), order_.tail == Tail::session ? 8 : 4, out);
}

bool KeyOrder::compose(BytesView logged, Bytes& out) const {
  if (logged.size() < tail_bytes()) return false;
  const std::uint64_t time = order_.tail == Tail::key ? 0 : big_endian(text(logged.last(tail_bytes()).first(8)));
  out.clear();
  put_big_endian(segment_of_time(static_cast<std::int64_t>(time)), segment_bytes, out);
  out.insert(out.end(), logged.begin(), logged.end());
  return true;
}

KeyOrder::Segment KeyOrder::segment_of(BytesView row_key) { return big_endian(text(row_key.first(segment_bytes))); }

const std::string& KeyOrder::turned(std::string_view entry) {
  const std::size_t key = entry.size() - tail_bytes();
  probe_.assign(entry.substr(key));
  probe_.append(entry.substr(0, key));
  return probe_;
}

void KeyOrder::insert(BytesView row_key) {
  auto [at, added] = segments_.try_emplace(segment_of(row_key), Keys{std::set<std::string, ByKey>{ByKey{tail_bytes()}}, {}});
  Keys& keys = at->second;
  if (!keys.by_key.emplace(text(logged(row_key))).second) return;
  ++size_;
  bytes_ += row_key.size() + node_bytes;
  if (!order_.by_time) return;
  keys.by_time.insert(turned(text(logged(row_key))));
  bytes_ += row_key.size() + node_bytes;
}

void KeyOrder::erase(BytesView row_key) {
  const auto at = segments_.find(segment_of(row_key));
  if (at == segments_.end()) return;
  Keys& keys = at->second;
  const auto entry = keys.by_key.find(text(logged(row_key)));
  if (entry == keys.by_key.end()) return;
  keys.by_key.erase(entry);
  --size_;
  bytes_ -= row_key.size() + node_bytes;
  if (order_.by_time) {
    keys.by_time.erase(turned(text(logged(row_key))));
    bytes_ -= row_key.size() + node_bytes;
  }
  if (keys.by_key.empty()) segments_.erase(at);
}

void KeyOrder::times(BytesView key, std::int64_t from, std::int64_t to, std::vector<RowTime>& out) {
  out.clear();
  from = std::max<std::int64_t>(from, 0);
  if (to < from) return;
  probe_.assign(text(key));
  put_tail({from, 0}, probe_);
  for (auto at = segments_.lower_bound(segment_of_time(from)); at != segments_.end() && at->first <= segment_of_time(to); ++at) {
    const auto& entries = at->second.by_key;
    for (auto entry = entries.lower_bound(std::string_view{probe_}); entry != entries.end(); ++entry) {
      const std::string_view found{*entry};
      if (found.size() != probe_.size() || found.substr(0, key.size()) != text(key)) break;
      const RowTime time = tail_of(found.substr(key.size()));
      if (time.first > to) return;
      out.push_back(time);
    }
  }
}

void KeyOrder::for_each_beginning(BytesView prefix, detail::FunctionRef<void(BytesView)> visit) const {
  for (const auto& [segment, keys] : segments_) {
    for (auto entry = keys.by_key.lower_bound(text(prefix)); entry != keys.by_key.end(); ++entry) {
      if (entry->compare(0, prefix.size(), text(prefix)) != 0) break;
      visit(BytesView{reinterpret_cast<const std::byte*>(entry->data()), entry->size()});
    }
  }
}

bool KeyOrder::next(TimeCursor& cursor) {
  probe_.clear();
  put_tail(cursor.time, probe_);
  probe_.append(text(cursor.key));
  for (auto at = segments_.lower_bound(segment_of_time(cursor.time.first)); at != segments_.end(); ++at) {
    const auto& entries = at->second.by_time;
    const auto entry = cursor.at_row ? entries.upper_bound(std::string_view{probe_}) : entries.lower_bound(std::string_view{probe_});
    if (entry == entries.end()) continue;
    const std::string_view found{*entry};
    cursor.time = tail_of(found.substr(0, tail_bytes()));
    const auto* key = reinterpret_cast<const std::byte*>(found.data()) + tail_bytes();
    cursor.key.assign(key, key + (found.size() - tail_bytes()));
    cursor.at_row = true;
    return true;
  }
  return false;
}

bool KeyOrder::take_oldest(Segment end, Bytes& row_key) {
  const auto at = segments_.begin();
  if (at == segments_.end() || at->first >= end) return false;
  const std::string& key = *at->second.by_key.begin();
  row_key.clear();
  put_big_endian(at->first, segment_bytes, row_key);
  const auto* bytes = reinterpret_cast<const std::byte*>(key.data());
  row_key.insert(row_key.end(), bytes, bytes + key.size());
  erase(row_key);
  return true;
}

}  // namespace klamm::inline v0::state
