#include "topologies.hpp"

namespace klamm::conformance {
namespace {

std::vector<Text> letters(const Text& v) {
  std::vector<Text> result;
  for (const char c : v.value_or("")) result.emplace_back(std::string(1, c));
  return result;
}
std::string or_null(const Text& v) { return v.value_or("null"); }

void build_diamond(Topology& t, const Params& params) {
  const auto source = t.stream(in);
  const auto one = source.map([](const Text& v) { return Text{or_null(v) + '1'}; });
  const auto two = source.map([](const Text& v) { return Text{or_null(v) + '2'}; });
  if (params.flag("reversed"))
    two.merge(one).to(out);
  else
    one.merge(two).to(out);
}

void build_branch(Topology& t, const Params& params) {
  auto [first, second, rest] = t.stream(in).branch([](const Text& v) { return v && v->starts_with('a'); }, low);
  first.to(Nullable{"out-1"});
  second.to(Nullable{"out-2"});
  if (params.flag("default")) rest.to(Nullable{"out-rest"});
}

void build_extract_timestamp(Topology& t, const Params& params) {
  const Duration shift{params.number("shift")};
  t.stream(in).with_timestamp(with_record([shift](const auto& record) { return record.timestamp() - shift; })).to(out);
}

void build_flat_map(Topology& t, const Params&) {
  t.stream(in)
      .flat_map([](const Text& k, const Text& v) {
        std::vector<KeyValue<Text, Text>> result;
        for (const Text& c : letters(v)) result.push_back({c, k});
        return result;
      })
      .to(out);
}

}  // namespace

void add_stateless(std::vector<Entry>& entries) {
  const auto add = [&entries](std::string_view id, void (*build)(Topology&, const Params&)) { entries.push_back({id, build}); };
  add("filter", [](Topology& t, const Params&) { t.stream(in).filter(low).to(out); });
  add("filter_not", [](Topology& t, const Params&) { t.stream(in).filter_not(low).to(out); });
  add("map_values", [](Topology& t, const Params&) { t.stream(in).map(shout).to(out); });
  add("map", [](Topology& t, const Params&) { t.stream(in).map([](const Text& k, const Text& v) { return KeyValue{v, k}; }).to(out); });
  add("flat_map", build_flat_map);
  add("flat_map_values", [](Topology& t, const Params&) { t.stream(in).flat_map(letters).to(out); });
  add("select_key", [](Topology& t, const Params&) { t.stream(in).select_key(head).to(out); });
  add("peek", [](Topology& t, const Params&) { t.stream(in).peek([](const Text&) {}).to(out); });
  add("branch", build_branch);
  add("merge", [](Topology& t, const Params&) { t.stream(Nullable{"in-1"}).merge(t.stream(Nullable{"in-2"})).to(out); });
  add("diamond", build_diamond);
  add("repartition", [](Topology& t, const Params&) { t.stream(in).select_key(head).through(Nullable{"between"}).to(out); });
  add("extract_timestamp", build_extract_timestamp);
}

}  // namespace klamm::conformance
