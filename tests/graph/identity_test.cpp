#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "graph/graph.hpp"
#include "klamm/klamm.hpp"

// Names are short and local: an edit elsewhere renames and moves nothing.

namespace {

using Text = klamm::Topic<std::string, std::string>;
const Text in{"in"}, out{"out"}, other{"other"};
const klamm::Topic<std::string, std::int64_t> counts{"counts"};

bool keep(const std::string& value) { return !value.empty(); }
std::string first_letter(const std::string& value) { return value.substr(0, 1); }

std::set<std::string> names(const klamm::Topology& topology) {
  std::set<std::string> all;
  for (const auto& node : topology.graph().nodes) all.insert(node.name);
  return all;
}
/// Everything that names state: internal topics, stores, sub-topologies.
std::set<std::string> identity(const klamm::Topology& topology) {
  const klamm::detail::Graph& graph = topology.graph();
  std::set<std::string> all;
  for (const auto& topic : graph.topics) {
    if (topic.cls == klamm::detail::TopicClass::repartition) all.insert("topic " + topic.info.name);
  }
  for (const auto& store : graph.stores) all.insert("store " + store.name + " in " + klamm::detail::changelog_name(graph, store));
  for (const auto& sub : klamm::detail::subtopologies(graph)) all.insert("sub-topology " + sub.name);
  return all;
}
bool contains_all(const std::set<std::string>& all, const std::set<std::string>& part) {
  return std::includes(all.begin(), all.end(), part.begin(), part.end());
}

/// A program with everything that has a name, before or behind code that somebody else may edit.
void program(klamm::Topology& t) {
  t.stream(in).filter(keep).filter(keep).group_by(first_letter).count("letters").to(counts);
  const auto users = t.table(Text{"users"});
  t.stream(Text{"clicks"})
      .select_key(first_letter)
      .join(users, [](const std::string& v, const std::string& w) { return v + w; })
      .to(Text{"joined"});
  t.stream(Text{"prices"})
      .group_by_key()
      .reduce("last", [](const std::string&, const std::string& v) { return v; })
      .upserts()
      .for_each([](const std::string&) {});
}

void elsewhere(klamm::Topology& t, const char* source) {
  auto named = t.stream(Text{source}).filter(keep).filter(keep);
  named.group_by(first_letter).count("elsewhere").upserts().for_each([](std::int64_t) {});
  named.join(t.table(Text{"elsewhere-users"}), [](const std::string& v, const std::string&) { return v; }).to(Text{"elsewhere-out"});
}

}  // namespace

TEST_CASE("derived names say the nearest name upstream, the kind and the occurrence") {
  klamm::Topology t{"names"};
  program(t);
  REQUIRE(t.check().empty());
  const std::set<std::string> expected{"in",
                                       "in.filter",
                                       "in.filter-2",
                                       "in.group_by",
                                       "letters-repartition",
                                       "letters",
                                       "letters.to-counts",
                                       "users",
                                       "users.table",
                                       "clicks.select_key",
                                       "clicks.join-users",
                                       "last",
                                       "last.upserts",
                                       "last.for_each"};
  CHECK(contains_all(names(t), expected));
}

TEST_CASE("an edit elsewhere renames nothing and moves no state") {
  klamm::Topology plain{"app"}, before{"app"}, behind{"app"};
  program(plain);
  elsewhere(before, "another");
  program(before);
  program(behind);
  elsewhere(behind, "another");
  REQUIRE(before.check().empty());
  REQUIRE(behind.check().empty());
  CHECK(contains_all(names(before), names(plain)));
  CHECK(contains_all(names(behind), names(plain)));
  CHECK(contains_all(identity(before), identity(plain)));
  CHECK(contains_all(identity(behind), identity(plain)));
}

TEST_CASE("a stateless edit in front of a table leaves its store and its topics alone") {
  klamm::Topology a{"app"}, b{"app"};
  a.stream(in).group_by(first_letter).count("n").to(counts);
  b.stream(in)
      .filter(keep)
      .peek([](const std::string&) {})
      .group_by(first_letter)
      .count("n")
      .upserts()
      .filter([](std::int64_t n) { return n > 1; })
      .to(counts);
  CHECK(identity(a) == identity(b));
}

TEST_CASE("a name the user gave wins over a derived one, whoever comes first") {
  klamm::Topology t{"names"};
  t.stream(in).filter(keep).to(out);
  t.stream(in).filter_not(keep, klamm::as("in.filter")).to(other);
  REQUIRE(t.check().empty());
  const auto& nodes = t.graph().nodes;
  const auto named = std::find_if(nodes.begin(), nodes.end(), [](const auto& node) { return node.name == "in.filter"; });
  REQUIRE(named != nodes.end());
  CHECK(named->kind == "filter_not");
  CHECK(names(t).contains("in.filter-2"));
}

TEST_CASE("stores and repartition topics carry the table's or the join's name") {
  klamm::Topology t{"app"};
  const auto users = t.table(Text{"users"}, "people");
  t.stream(in).group_by(first_letter, klamm::as("by-letter")).count("n").upserts().for_each([](std::int64_t) {});
  const auto both = [](const std::string& v, const std::string& w) { return v + w; };
  t.stream(in).select_key(first_letter).join(users, both, klamm::as("with-people")).to(out);
  t.stream(other).select_key(first_letter).join(users, both).to(out);
  const std::set<std::string> expected{"topic app-n-repartition", "topic app-with-people-repartition",
                                       "topic app-other.join-people-repartition", "store people in app-people-changelog",
                                       "store n in app-n-changelog"};
  CHECK(contains_all(identity(t), expected));
}

TEST_CASE("a sub-topology is named after its first source topic in alphabetical order, whatever the order of the program") {
  const auto both = [](const std::string& v, const std::string& w) { return v + w; };
  klamm::Topology a{"app"}, b{"app"};
  const auto table_a = a.table(other);
  a.stream(in).join(table_a, both).to(out);
  auto stream_b = b.stream(in);
  stream_b.join(b.table(other), both).to(out);
  CHECK(identity(a) == identity(b));
  CHECK(identity(a).contains("sub-topology in"));
}
