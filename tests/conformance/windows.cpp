#include "topologies.hpp"

namespace klamm::conformance {
namespace {

using Key = Windowed<Text>;

/// A windowed key as the scenarios write it.
std::string label(const Key& w) {
  return w.key.value_or("") + '@' + std::to_string(w.window.start.milliseconds()) + '/' + std::to_string(w.window.end.milliseconds());
}
Text text_of(const std::optional<std::int64_t>& n) { return n ? Text{decimal(*n)} : std::nullopt; }
Text text_of(const Text& text) { return text; }

template <class T> void write(const T& windows, const Nullable& topic) {
  windows.to_stream().map([](const Key& w, const auto& v) { return KeyValue<Text, Text>{label(w), text_of(v)}; }).to(topic);
}

std::string add_nullable(const std::string& a, const Text& v) { return add(a, v.value_or("null")); }
void concat_nullable(std::string& a, const Text& v) { concat(a, v.value_or("null")); }
void merge_text(std::string& a, const std::string& b) { a += '&' + b; }

template <class W> auto graced(const W& windows, const Params& p) { return windows.grace(Duration{p.number("grace")}); }
auto time_windows(const Params& p) {
  const std::int64_t size = p.number("size");
  return graced(hopping(Duration{size}, Duration{p.number("advance", size)}), p);
}
auto sliding_windows(const Params& p) { return graced(sliding(Duration{p.number("difference")}), p); }
auto session_windows(const Params& p) { return graced(session(Duration{p.number("gap")}), p); }

/// Gives the table that `agg` asks for to `use`.
template <class Windows, class Use> void aggregated(const Windows& windows, const Params& p, Use use) {
  const std::string agg = p.text("agg", "count");
  const Emit emit = p.text("emit") == "close" ? Emit::on_window_close : Emit::on_update;
  if (agg == "count")
    use(windows.count(table("table").emit(emit)));
  else if (agg == "reduce")
    use(windows.reduce(table("table").emit(emit), add_nullable));
  else
    use(windows.aggregate(table<std::string>("table").starting_at("0").fold(concat_nullable).merge(merge_text).emit(emit)));
}
template <class Windows> void written(const Windows& windows, const Params& p) {
  aggregated(windows, p, [](const auto& made) { write(made, out); });
}

void build_window_start_count(Topology& t, const Params& p) {
  t.stream(in)
      .group_by_key()
      .windowed_by(time_windows(p))
      .count("table")
      .upserts()
      .select_key([](const Key& w, std::int64_t) { return Text{decimal(w.window.start.milliseconds())}; })
      .group_by_key()
      .count("starts")
      .map(decimal)
      .to(out);
}

void build_window_count_join_back(Topology& t, const Params& p) {
  const auto source = t.stream(in);
  const auto last = source.group_by_key()
                        .windowed_by(time_windows(p))
                        .count("table")
                        .upserts()
                        .select_key([](const Key& w, std::int64_t) { return w.key; })
                        .to_table("last");
  source.left_join(last, [](const std::string& v, const std::int64_t* n) { return v + '-' + (n == nullptr ? "null" : decimal(*n)); })
      .to(out);
}

void build_session_to_table_count(Topology& t, const Params& p) {
  t.stream(in)
      .group_by_key()
      .windowed_by(session_windows(p))
      .count("table")
      .to_stream()
      .select_key([](const Key& w, const std::optional<std::int64_t>&) { return label(w); })
      .to_table("sessions")
      .group_by([](const std::string& k, std::int64_t) { return Text{k.substr(0, k.find('@'))}; })
      .count("counts")
      .map(decimal)
      .to(out);
}

}  // namespace

void add_windows(std::vector<Entry>& entries) {
  const auto add_text = [&entries](std::string_view id, void (*build)(Topology&, const Params&)) { entries.push_back({id, build}); };
  add_text("window_time", [](Topology& t, const Params& p) { written(t.stream(in).group_by_key().windowed_by(time_windows(p)), p); });
  add_text("window_sliding", [](Topology& t, const Params& p) { written(t.stream(in).group_by_key().windowed_by(sliding_windows(p)), p); });
  add_text("window_session", [](Topology& t, const Params& p) { written(t.stream(in).group_by_key().windowed_by(session_windows(p)), p); });
  add_text("stream_window_group",
           [](Topology& t, const Params& p) { written(t.stream(in).group_by(head).windowed_by(time_windows(p)), p); });
  add_text("window_start_count", build_window_start_count);
  add_text("window_count_join_back", build_window_count_join_back);
  add_text("session_to_table_count", build_session_to_table_count);
}

}  // namespace klamm::conformance
