#include "topologies.hpp"
#include "windowed.hpp"

namespace klamm::conformance {
namespace {

const Nullable raw{"raw"}, left{"left"}, right{"right"};

/// Gives the table that is suppressed for a time to `use`.
template <class T, class Use> void limited(const T& table, const Params& p, Use use) {
  const Duration time{p.number("limit")};
  if (const std::int64_t most = p.number("max_records"); most != 0)
    use(table.suppress(until_time_limit(time, max_records(most).emit_early())));
  else
    use(table.suppress(until_time_limit(time)));
}

template <class Windows> void build_final(const Windows& windows, const Params& p) {
  aggregated(windows, p, [&p](const auto& made) {
    write(made, raw);
    if (const std::int64_t most = p.number("max_records"); most != 0)
      write(made.suppress(until_window_closes(max_records(most).stop())), out);
    else
      write(made.suppress(until_window_closes()), out);
  });
}

std::string pair(const std::string* l, const std::int64_t* r) {
  return '(' + (l == nullptr ? "null" : *l) + ',' + (r == nullptr ? "null" : decimal(*r)) + ')';
}

void build_right_outer_join(Topology& t, const Params& p) {
  const auto rows = t.table(left);
  limited(t.stream(right).group_by_key().count("table"), p, [&rows](const auto& counts) { rows.outer_join(counts, pair).to(out); });
}

}  // namespace

void add_suppress(std::vector<Entry>& entries) {
  const auto add_text = [&entries](std::string_view id, void (*build)(Topology&, const Params&)) { entries.push_back({id, build}); };
  add_text("suppress_window",
           [](Topology& t, const Params& p) { build_final(t.stream(in).group_by_key().windowed_by(time_windows(p)), p); });
  add_text("suppress_sliding",
           [](Topology& t, const Params& p) { build_final(t.stream(in).group_by_key().windowed_by(sliding_windows(p)), p); });
  add_text("suppress_session",
           [](Topology& t, const Params& p) { build_final(t.stream(in).group_by_key().windowed_by(session_windows(p)), p); });
  add_text("suppress_count", [](Topology& t, const Params& p) {
    const auto counts = t.stream(in).group_by_key().count("counts");
    counts.map(decimal).to(raw);
    limited(counts, p, [](const auto& some) { some.map(decimal).to(out); });
  });
  add_text("suppress_table", [](Topology& t, const Params& p) { limited(t.table(in), p, [](const auto& some) { some.to(out); }); });
  add_text("suppress_table_count", [](Topology& t, const Params& p) {
    const auto counts = t.table(in).group_by([](const std::string& v) { return head(v); }).count("counts");
    counts.map(decimal).to(raw);
    limited(counts, p, [](const auto& some) { some.map(decimal).to(out); });
  });
  add_text("suppress_then_group", [](Topology& t, const Params& p) {
    limited(t.table(in), p,
            [](const auto& some) { some.group_by([](const std::string& v) { return head(v); }).count("counts").map(decimal).to(out); });
  });
  add_text("suppress_right_outer_join", build_right_outer_join);
}

}  // namespace klamm::conformance
