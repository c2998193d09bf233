#include "topologies.hpp"

namespace klamm::conformance {
namespace {

using Build = void (*)(Topology&, const Params&);

Text group_of(const std::string& v) { return head(v); }
bool is_low(const std::string& v) { return low(v); }
std::string shouted(const std::string& v) { return v + '!'; }

auto sums() { return table<std::int64_t>("table").fold(sum).unfold(unsum); }
auto concats() { return table<std::string>("table").starting_at("0").fold(concat).unfold(unconcat); }

KeyValue<Text, std::string> by_value_with_key(const Text& k, const std::string& v) { return {group_of(v), *k}; }
KeyValue<Text, std::string> by_head_of_key(const Text& k, const std::string&) { return {head(k), k->substr(1)}; }

void build_group_erase(Topology& t, const Params&) {
  const auto append = [](std::string& a, const std::string& v) { a += v; };
  const auto remove = [](std::string& a, const std::string& v) {
    if (const auto at = a.find(v); at != std::string::npos) a.erase(at, v.size());
  };
  t.table(in).group_by(by_head_of_key).aggregate(table<std::string>("table").fold(append).unfold(remove)).to(out);
}

void build_group_same_key(Topology& t, const Params&) {
  t.table(in).group_by([](const Text& k, const std::string&) { return k; }).aggregate(concats()).to(out);
}

}  // namespace

void add_tables(std::vector<Entry>& entries) {
  const auto add_text = [&entries](std::string_view id, Build build) { entries.push_back({id, build}); };
  const auto add_numbers = [&entries](std::string_view id, Build build) { entries.push_back({id, build, true}); };
  add_text("table", [](Topology& t, const Params&) { t.table(in).to(out); });
  add_text("table_filter", [](Topology& t, const Params&) { t.table(in).filter(is_low).to(out); });
  add_text("table_filter_not", [](Topology& t, const Params&) { t.table(in).filter_not(is_low).to(out); });
  add_text("table_map_values", [](Topology& t, const Params&) { t.table(in).map(shouted).to(out); });
  add_text("table_filter_map", [](Topology& t, const Params&) { t.table(in).filter(is_low).map(shouted).to(out); });
  add_numbers("table_group_count", [](Topology& t, const Params&) { t.table(in).group_by(group_of).count("table").map(decimal).to(out); });
  add_numbers("table_group_sum", [](Topology& t, const Params&) { t.table(in).group_by(group_of).aggregate(sums()).map(decimal).to(out); });
  add_numbers("table_group_sum_keys",
              [](Topology& t, const Params&) { t.table(in).group_by(by_value_with_key).aggregate(sums()).map(decimal).to(out); });
  add_text("table_group_concat", [](Topology& t, const Params&) { t.table(in).group_by(group_of).aggregate(concats()).to(out); });
  add_text("table_group_reduce", [](Topology& t, const Params&) { t.table(in).group_by(group_of).reduce("table", add, subtract).to(out); });
  add_text("table_group_same_key", build_group_same_key);
  add_text("table_group_erase", build_group_erase);
  add_numbers("table_filter_group_count",
              [](Topology& t, const Params&) { t.table(in).filter(is_low).group_by(group_of).count("table").map(decimal).to(out); });
}

}  // namespace klamm::conformance
