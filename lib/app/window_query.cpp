#include "klamm/window_query.hpp"

#include <algorithm>

namespace klamm::inline v0::detail {
namespace {

constexpr std::size_t segment_bytes = 8;
// Above so many segments one range over everything costs less.
constexpr std::int64_t most_ranges = 64;

void append_segment(Bytes& out, std::int64_t segment) { append_start(out, Timestamp{segment}); }

}  // namespace

void append_row_time(Bytes& key, const WindowShape& shape, const Window& window) {
  if (shape.sessions) return append_window(key, window.end, window.start);
  append_start(key, window.start);
  key.insert(key.end(), 4, std::byte{0});
}

std::vector<KeyRange> window_ranges(BytesView key, const WindowShape& shape, Timestamp from, Timestamp to) {
  const std::int64_t first = std::max<std::int64_t>(from.milliseconds(), 0) / shape.segment, last = to.milliseconds() / shape.segment;
  std::vector<KeyRange> ranges;
  if (to < from || to.milliseconds() < 0) return ranges;
  if (last - first >= most_ranges) return {KeyRange{}};
  for (std::int64_t segment = first; segment <= last; ++segment) {
    KeyRange& range = ranges.emplace_back();
    append_segment(range.from, segment);
    range.from.insert(range.from.end(), key.begin(), key.end());
    // Behind the key comes a time, which is not negative: its first byte is below 0x80.
    range.to = range.from;
    range.to->push_back(std::byte{0x80});
  }
  return ranges;
}

BytesView behind_segment(BytesView row_key) { return row_key.size() < segment_bytes ? BytesView{} : row_key.subspan(segment_bytes); }

}  // namespace klamm::inline v0::detail
