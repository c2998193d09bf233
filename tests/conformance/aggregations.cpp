#include "topologies.hpp"

namespace klamm::conformance {
namespace {

using Build = void (*)(Topology&, const Params&);

auto concat_table() { return table<std::string>("table").starting_at("0").fold(concat); }

void build_split_merge_reduce(Topology& t, const Params&) {
  const auto source = t.stream(in);
  source.filter(low).map(shout).merge(source.filter_not(low)).group_by_key().reduce("table", add).to(out);
}

void build_count_of_counts(Topology& t, const Params&) {
  t.stream(in)
      .filter([](const Text& v) { return v.has_value(); })
      .group_by([](const Text& v) { return v; })
      .count("table")
      .to_stream()
      .group_by([](const std::optional<std::int64_t>& n) { return Text{std::to_string(n.value_or(0))}; })
      .count("again")
      .map(decimal)
      .to(out);
}

void build_count_histogram(Topology& t, const Params&) {
  t.stream(in)
      .group_by_key()
      .count("table")
      .group_by([](std::int64_t n) { return Text{std::to_string(n)}; })
      .count("histogram")
      .map(decimal)
      .to(out);
}

}  // namespace

void add_aggregations(std::vector<Entry>& entries) {
  const auto add_text = [&entries](std::string_view id, Build build) { entries.push_back({id, build}); };
  const auto add_numbers = [&entries](std::string_view id, Build build) { entries.push_back({id, build, true}); };
  add_numbers("count", [](Topology& t, const Params&) { t.stream(in).group_by_key().count("table").map(decimal).to(out); });
  add_numbers("group_count", [](Topology& t, const Params&) { t.stream(in).group_by(head).count("table").map(decimal).to(out); });
  add_text("reduce", [](Topology& t, const Params&) { t.stream(in).group_by_key().reduce("table", add).to(out); });
  add_text("aggregate", [](Topology& t, const Params&) { t.stream(in).group_by_key().aggregate(concat_table()).to(out); });
  add_numbers("aggregate_sum", [](Topology& t, const Params&) {
    t.stream(in).group_by_key().aggregate(table<std::int64_t>("table").fold(sum)).map(decimal).to(out);
  });
  add_text("aggregate_delete", [](Topology& t, const Params&) {
    const auto fold = [](std::string& a, const std::string& v) {
      concat(a, v);
      return v == "x" ? klamm::Entry::erase : klamm::Entry::keep;
    };
    t.stream(in).group_by_key().aggregate(table<std::string>("table").starting_at("0").fold(fold)).to(out);
  });
  add_text("to_table", [](Topology& t, const Params&) { t.stream(in).to_table("table").to(out); });
  add_text("rekey_to_table", [](Topology& t, const Params&) { t.stream(in).select_key(head).to_table("table").to(out); });
  add_numbers("merge_count", [](Topology& t, const Params&) {
    t.stream(Nullable{"in-1"}).merge(t.stream(Nullable{"in-2"})).group_by_key().count("table").map(decimal).to(out);
  });
  add_text("split_merge_reduce", build_split_merge_reduce);
  add_numbers("count_of_counts", build_count_of_counts);
  add_numbers("count_histogram", build_count_histogram);
}

}  // namespace klamm::conformance
