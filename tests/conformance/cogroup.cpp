#include "topologies.hpp"
#include "windowed.hpp"

namespace klamm::conformance {
namespace {

const Nullable first{"in-1"}, second{"in-2"};

void plus(std::string& a, const Text& v) { a += '+' + v.value_or("null"); }
void times(std::string& a, const Text& v) { a += '*' + v.value_or("null"); }

auto cogrouped(Topology& t) { return t.stream(first).group_by_key().cogroup(plus).cogroup(t.stream(second).group_by_key(), times); }
auto spec() { return table<std::string>("table").starting_at("0"); }

}  // namespace

void add_cogroup(std::vector<Entry>& entries) {
  entries.push_back({"cogroup", [](Topology& t, const Params&) { cogrouped(t).aggregate(spec()).to(out); }});
  entries.push_back(
      {"cogroup_window", [](Topology& t, const Params& p) { write(cogrouped(t).windowed_by(time_windows(p)).aggregate(spec()), out); }});
  entries.push_back({"cogroup_session", [](Topology& t, const Params& p) {
                       write(cogrouped(t).windowed_by(session_windows(p)).aggregate(spec().merge(merge_text)), out);
                     }});
}

}  // namespace klamm::conformance
