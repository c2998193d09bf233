#include "topologies.hpp"
#include "windowed.hpp"

namespace klamm::conformance {
namespace {

template <class Windows> void written(const Windows& windows, const Params& p) {
  aggregated(windows, p, [](const auto& made) { write(made, out); });
}

void build_window_start_count(Topology& t, const Params& p) {
  t.stream(in)
      .group_by_key()
      .windowed_by(time_windows(p))
      .count("windows")
      .upserts()
      .select_key([](const Key& w, std::int64_t) { return Text{decimal(w.window.start.milliseconds())}; })
      .group_by_key()
      .count("table")
      .map(decimal)
      .to(out);
}

void build_window_count_join_back(Topology& t, const Params& p) {
  const auto source = t.stream(in);
  const auto last = source.group_by_key()
                        .windowed_by(time_windows(p))
                        .count("windows")
                        .upserts()
                        .select_key([](const Key& w, std::int64_t) { return w.key; })
                        .to_table("table");
  source.left_join(last, [](const std::string& v, const std::int64_t* n) { return v + '-' + (n == nullptr ? "null" : decimal(*n)); })
      .to(out);
}

void build_session_to_table_count(Topology& t, const Params& p) {
  t.stream(in)
      .group_by_key()
      .windowed_by(session_windows(p))
      .count("windows")
      .to_stream()
      .select_key([](const Key& w, const std::optional<std::int64_t>&) { return label(w); })
      .to_table("sessions")
      .group_by([](const std::string& k, std::int64_t) { return Text{k.substr(0, k.find('@'))}; })
      .count("table")
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
  entries.push_back({"window_start_count", build_window_start_count, true});
  entries.push_back({"window_count_join_back", build_window_count_join_back, true});
  entries.push_back({"session_to_table_count", build_session_to_table_count, true});
}

}  // namespace klamm::conformance
