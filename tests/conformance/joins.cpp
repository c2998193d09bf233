#include "topologies.hpp"

namespace klamm::conformance {
namespace {

const Nullable left{"left"}, right{"right"};

Text both(const Text& l, const std::string& r) { return l.value_or("null") + '-' + r; }
Text maybe(const Text& l, const std::string* r) { return l.value_or("null") + '-' + (r != nullptr ? *r : "null"); }

template <class S> void build_join(Topology& t, const Params& params, const S& stream) {
  const auto rows = t.table(right);
  if (params.text("kind", "inner") == "inner")
    stream.join(rows, [](const std::string& l, const std::string& r) { return both(l, r); }).to(out);
  else
    stream.left_join(rows, [](const std::string& l, const std::string* r) { return maybe(l, r); }).to(out);
}

std::string absent(const std::string* text) { return text != nullptr ? *text : "null"; }
std::string join(const std::string& l, const std::string& r) { return l + '-' + r; }
std::string left_join(const std::string& l, const std::string* r) { return join(l, absent(r)); }
std::string outer_join(const std::string* l, const std::string* r) { return join(absent(l), absent(r)); }

using Rows = Table<Text, std::string>;
Rows joined(const Rows& l, const Rows& r, const std::string& kind) {
  return kind == "outer" ? l.outer_join(r, outer_join) : kind == "left" ? l.left_join(r, left_join) : l.join(r, join);
}
Rows joined(Topology& t, const Params& params) { return joined(t.table(left), t.table(right), params.text("kind", "inner")); }

void build_join_chain(Topology& t, const Params& params) {
  const std::string kind = params.text("kind", "inner");
  const Rows l = t.table(left), r = t.table(right);
  joined(joined(l, r, kind), r, kind).to(out);
}

/// The text behind the first | of a value.
Text foreign_key(const std::string& v) {
  const std::size_t bar = v.find('|');
  return bar == std::string::npos || bar + 1 == v.size() ? Text{} : Text{v.substr(bar + 1)};
}

void build_foreign_key(Topology& t, const Params& params) {
  const Rows l = t.table(left), r = t.table(right);
  const auto pair = [](const std::string& a, const std::string& b) { return '(' + a + ',' + b + ')'; };
  if (params.text("kind", "inner") == "inner")
    l.join(r, foreign_key, pair, as("table")).to(out);
  else
    l.left_join(
         r, foreign_key, [pair](const std::string& a, const std::string* b) { return pair(a, absent(b)); }, as("table"))
        .to(out);
}

void add_table_joins(std::vector<Entry>& entries) {
  entries.push_back({"join_table_table", [](Topology& t, const Params& params) { joined(t, params).to(out); }});
  entries.push_back({"join_table_chain", build_join_chain});
  entries.push_back({"join_foreign_key", build_foreign_key});
  entries.push_back({"table_join_group_count",
                     [](Topology& t, const Params& params) {
                       joined(t, params).group_by([](const std::string& v) { return head(v); }).count("table").map(decimal).to(out);
                     },
                     true});
}

}  // namespace

void add_joins(std::vector<Entry>& entries) {
  entries.push_back({"join_stream_table", [](Topology& t, const Params& params) { build_join(t, params, t.stream(left)); }});
  entries.push_back(
      {"rekey_join_table", [](Topology& t, const Params& params) { build_join(t, params, t.stream(left).select_key(head)); }});
  entries.push_back({"count_join_back",
                     [](Topology& t, const Params&) {
                       const auto source = t.stream(in);
                       const auto counts = source.group_by_key().count("table");
                       source.join(counts, [](const std::string& v, std::int64_t n) { return Text{v + '-' + decimal(n)}; }).to(out);
                     },
                     true});
  entries.push_back({"join_back_before_count",
                     [](Topology& t, const Params&) {
                       const auto source = t.stream(in);
                       const auto marked = source.map([](const Text& v) { return Text{v.value_or("null") + '\''}; });
                       const auto counts = source.group_by_key().count("table");
                       const auto join = [](const std::string& v, const std::int64_t* n) {
                         return Text{v + '-' + (n != nullptr ? decimal(*n) : "null")};
                       };
                       marked.left_join(counts, join).to(out);
                     },
                     true});
  add_table_joins(entries);
}

}  // namespace klamm::conformance
