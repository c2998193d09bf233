#pragma once

#include "topologies.hpp"

// What the catalogue's windowed topologies share.

namespace klamm::conformance {

using Key = Windowed<Text>;

/// A windowed key as the scenarios write it.
inline std::string label(const Key& w) {
  return w.key.value_or("") + '@' + std::to_string(w.window.start.milliseconds()) + '/' + std::to_string(w.window.end.milliseconds());
}
inline Text text_of(const std::optional<std::int64_t>& n) { return n ? Text{decimal(*n)} : std::nullopt; }
inline Text text_of(const Text& text) { return text; }

template <class T> void write(const T& windows, const Nullable& topic) {
  windows.to_stream().map([](const Key& w, const auto& v) { return KeyValue<Text, Text>{label(w), text_of(v)}; }).to(topic);
}

inline std::string add_nullable(const std::string& a, const Text& v) { return add(a, v.value_or("null")); }
inline void concat_nullable(std::string& a, const Text& v) { concat(a, v.value_or("null")); }
inline void merge_text(std::string& a, const std::string& b) { a += '&' + b; }

template <class W> auto graced(const W& windows, const Params& p) { return windows.grace(Duration{p.number("grace")}); }
inline auto time_windows(const Params& p) {
  const std::int64_t size = p.number("size");
  return graced(hopping(Duration{size}, Duration{p.number("advance", size)}), p);
}
inline auto sliding_windows(const Params& p) { return graced(sliding(Duration{p.number("difference")}), p); }
inline auto session_windows(const Params& p) { return graced(session(Duration{p.number("gap")}), p); }

template <class> constexpr bool sessions_v = false;
template <class K, class V, class W> constexpr bool sessions_v<WindowedStream<K, V, W>> = W::sessions;

/// Gives the table that `agg` asks for to `use`.
template <class Windows, class Use> void aggregated(const Windows& windows, const Params& p, Use use) {
  const std::string agg = p.text("agg", "count");
  const Emit emit = p.text("emit") == "close" ? Emit::on_window_close : Emit::on_update;
  const auto concats = table<std::string>("table").starting_at("0").fold(concat_nullable).emit(emit);
  if (agg == "count")
    use(windows.count(table("table").emit(emit)));
  else if (agg == "reduce")
    use(windows.reduce(table("table").emit(emit), add_nullable));
  else if constexpr (sessions_v<Windows>)
    use(windows.aggregate(concats.merge(merge_text)));
  else
    use(windows.aggregate(concats));
}

}  // namespace klamm::conformance
