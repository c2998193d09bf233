#include "klamm/window.hpp"

#include "klamm/suppress.hpp"

namespace klamm::inline v0::detail {
namespace {

bool take_time(BytesView& in, Timestamp& time) {
  std::int64_t value = 0;
  if (in.size() < sizeof value || !serde<std::int64_t>::decode(in.last(sizeof value), value).ok()) return false;
  in = in.first(in.size() - sizeof value);
  time = Timestamp{value};
  return true;
}

std::string number(std::int64_t milliseconds) { return std::to_string(milliseconds) + " ms"; }

std::string problem_of_grace(std::int64_t grace) {
  return grace < 0 ? "grace(" + number(grace) + "): the time to wait for late records must not be negative" : std::string{};
}

}  // namespace

void append_start(Bytes& out, Timestamp start) { serde<std::int64_t>::encode(start.milliseconds(), out); }
void append_window(Bytes& out, Timestamp first, Timestamp second) {
  append_start(out, first);
  append_start(out, second);
}
bool take_start(BytesView& in, Timestamp& start) { return take_time(in, start); }
bool take_window(BytesView& in, Timestamp& first, Timestamp& second) { return take_time(in, second) && take_time(in, first); }

bool split_row_key(BytesView logged, const WindowShape& shape, BytesView& key, Window& window) {
  constexpr std::size_t number_bytes = 4;
  key = logged;
  if (shape.sessions) return take_window(key, window.end, window.start);
  if (key.size() < number_bytes) return false;
  key = key.first(key.size() - number_bytes);
  if (!take_start(key, window.start)) return false;
  window.end = window.start + Duration{shape.length};
  return true;
}

std::string problem_of(const BufferLimit& limit) {
  if (limit.records < 0) return "max_records(" + std::to_string(limit.records) + "): it must be more than nothing";
  if (limit.bytes < 0) return "max_bytes(" + std::to_string(limit.bytes) + "): it must be more than nothing";
  return {};
}
std::string held_schema(const std::string& key) { return key.empty() ? std::string{} : "held<" + key + '>'; }

std::string problem_of(const TimeWindows& windows) {
  if (windows.size <= 0) return "size " + number(windows.size) + ": a window must be longer than nothing";
  if (windows.advance <= 0) return "advance " + number(windows.advance) + ": windows must move on by more than nothing";
  if (windows.advance > windows.size)
    return "advance " + number(windows.advance) + " is more than the size " + number(windows.size) +
           ": records between two windows would be lost";
  return problem_of_grace(windows.grace);
}
std::string problem_of(const SlidingWindows& windows) {
  if (windows.difference < 0) return "difference " + number(windows.difference) + ": it must not be negative";
  return problem_of_grace(windows.grace);
}
std::string problem_of(const SessionWindows& windows) {
  if (windows.gap <= 0) return "gap " + number(windows.gap) + ": sessions must be more than nothing apart";
  return problem_of_grace(windows.grace);
}

std::string window_schema(const std::string& key, const std::string& windows, const RowOrder& order) {
  return key.empty() ? std::string{} : "windowed<" + key + ">, " + windows + ", segment " + std::to_string(order.segment_ms);
}
std::string schema_of(const TimeWindows& windows) {
  const std::string size = "size " + std::to_string(windows.size);
  return windows.advance == windows.size ? size : size + ", advance " + std::to_string(windows.advance);
}
std::string schema_of(const SlidingWindows& windows) { return "difference " + std::to_string(windows.difference); }
std::string schema_of(const SessionWindows& windows) { return "gap " + std::to_string(windows.gap); }

}  // namespace klamm::inline v0::detail
