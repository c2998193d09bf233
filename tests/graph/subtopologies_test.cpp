#include <doctest/doctest.h>

#include "graph/graph.hpp"
#include "klamm/klamm.hpp"

namespace {

using klamm::detail::Graph;
using klamm::detail::NodeId;
using klamm::detail::SubTopology;
using klamm::detail::TopicClass;
using Text = klamm::Topic<std::string, std::string>;
const Text in{"in"}, out{"out"}, other{"other"};

std::string first_letter(const std::string& value) { return value.substr(0, 1); }
std::string both(const std::string& v, const std::string& w) { return v + w; }

std::vector<std::string> names_of(const std::vector<SubTopology>& subs) {
  std::vector<std::string> names;
  for (const SubTopology& sub : subs) names.push_back(sub.name);
  return names;
}
TopicClass class_of(const Graph& graph, const std::string& name) {
  for (const auto& topic : graph.topics) {
    if (topic.info.name == name) return topic.cls;
  }
  FAIL("no topic " << name);
  return {};
}
NodeId node(const Graph& graph, const std::string& name) { return graph.names.at(name); }

}  // namespace

TEST_CASE("a repartition topic ends one sub-topology and begins the next") {
  klamm::Topology t{"app"};
  t.stream(in).group_by(first_letter).count("n").to(klamm::Topic<std::string, std::int64_t>{"counts"});
  const auto subs = klamm::detail::subtopologies(t.graph());
  CHECK(names_of(subs) == std::vector<std::string>{"in", "n-repartition"});
  CHECK(subs[0].stores.empty());
  CHECK(subs[1].stores.size() == 1);
  REQUIRE(subs[0].sinks.size() == 1);
  CHECK(t.graph().at(subs[0].sinks[0]).topic == subs[1].source_topics[0]);
}

TEST_CASE("grouping by the key as it is needs no repartition topic") {
  klamm::Topology t{"app"};
  t.stream(in).filter([](const std::string&) { return true; }).group_by_key().count("n").upserts().for_each([](std::int64_t) {});
  CHECK(klamm::detail::subtopologies(t.graph()).size() == 1);
}

TEST_CASE("a grouping used twice shares one repartition topic") {
  klamm::Topology t{"app"};
  const auto grouped = t.stream(in).group_by(first_letter);
  static_cast<void>(grouped.count("n"));
  static_cast<void>(grouped.reduce("last", [](const std::string&, const std::string& v) { return v; }));
  REQUIRE(t.check().empty());
  CHECK(names_of(klamm::detail::subtopologies(t.graph())) == std::vector<std::string>{"in", "n-repartition"});
}

TEST_CASE("a merge of re-keyed records needs a repartition topic, on either side") {
  for (const bool left : {true, false}) {
    klamm::Topology t{"app"};
    auto rekeyed = t.stream(in).select_key(first_letter);
    auto plain = t.stream(other);
    auto merged = left ? rekeyed.merge(plain) : plain.merge(rekeyed);
    static_cast<void>(merged.group_by_key().count("n"));
    CHECK(klamm::detail::subtopologies(t.graph()).size() == 2);
  }
}

TEST_CASE("readers of one topic belong together, and so do a table and who looks into it") {
  klamm::Topology t{"app"};
  t.stream(in).to(out);
  t.stream(in).to(out);
  const auto users = t.table(other);
  t.stream(Text{"third"}).join(users.filter([](const std::string&) { return true; }), both).to(out);
  REQUIRE(t.check().empty());
  CHECK(names_of(klamm::detail::subtopologies(t.graph())) == std::vector<std::string>{"in", "other"});
}

TEST_CASE("topics know what they are to the application") {
  klamm::Topology t{"app"};
  t.stream(in).through(Text{"between"}).group_by(first_letter).count("n").to(klamm::Topic<std::string, std::int64_t>{"counts"});
  t.stream(out).to(other);
  t.stream(other).for_each([](const std::string&) {});
  CHECK(class_of(t.graph(), "in") == TopicClass::source);
  CHECK(class_of(t.graph(), "between") == TopicClass::through);
  CHECK(class_of(t.graph(), "app-n-repartition") == TopicClass::repartition);
  CHECK(class_of(t.graph(), "counts") == TopicClass::sink);
  CHECK(class_of(t.graph(), "other") == TopicClass::through);  // written and read
}

TEST_CASE("a source table is logged by its topic as long as nothing needs old values") {
  const auto all = [](const std::string&) { return true; };
  const auto same = [](const std::string& v) { return v; };
  const auto logged_by_source = [&](auto use) {
    klamm::Topology t{"app"};
    use(t, t.table(in));
    REQUIRE(t.check().empty());
    return t.graph().stores[0].source_topic >= 0;
  };
  CHECK(logged_by_source([](auto&, auto) {}));
  CHECK(logged_by_source([](auto&, auto table) { table.to(out); }));
  CHECK(logged_by_source([](auto&, auto table) { table.to_stream().to(klamm::Topic<std::string, std::optional<std::string>>{"out"}); }));
  CHECK(logged_by_source([&](auto&, auto table) { table.map(same).to(out); }));
  CHECK(logged_by_source([&](auto& t, auto table) { t.stream(other).join(table, both).to(out); }));
  CHECK(logged_by_source([&](auto& t, auto table) { t.stream(other).join(table.filter(all).map(same), both).to(out); }));
  CHECK_FALSE(logged_by_source([&](auto&, auto table) { table.filter(all).to(out); }));
  CHECK_FALSE(logged_by_source([&](auto&, auto table) { table.filter_not(all).map(same).upserts().to(out); }));
}

TEST_CASE("a source table whose bytes would differ from its topic's has a changelog of its own") {
  struct Plain {
    void encode(const std::string& v, klamm::Bytes& bytes) const { klamm::serde<std::string>::encode(v, bytes); }
    klamm::Decoded decode(klamm::BytesView bytes, std::string& slot) const { return klamm::serde<std::string>::decode(bytes, slot); }
  };
  klamm::Topology t{"app"};
  static_cast<void>(t.table(in.serde(Plain{}, Plain{})));
  static_cast<void>(t.table(out.timestamp([](const std::string& v) { return static_cast<std::int64_t>(v.size()); })));
  static_cast<void>(t.table(klamm::Topic<double, std::string>{"doubles"}));  // 0.0 == -0.0
  static_cast<void>(t.table(other));
  CHECK(t.graph().stores[0].source_topic == -1);
  CHECK(t.graph().stores[1].source_topic == -1);
  CHECK(t.graph().stores[2].source_topic == -1);
  CHECK(t.graph().stores[3].source_topic >= 0);
}

TEST_CASE("consumers come in the order in which the program wrote their first operators") {
  klamm::Topology t{"app"};
  auto named = t.stream(in);
  auto first = named.filter([](const std::string&) { return true; });
  auto second = named.filter_not([](const std::string&) { return true; });
  second.to(other);  // committed before the first
  first.to(out);
  const Graph& graph = t.graph();
  const auto consumers = klamm::detail::consumers_of(graph, node(graph, "in"));
  REQUIRE(consumers.size() == 2);
  CHECK(graph.at(graph.stages[static_cast<std::size_t>(consumers[0])].first).name == "in.filter");
  CHECK(graph.at(graph.stages[static_cast<std::size_t>(consumers[1])].first).name == "in.filter_not");
}

TEST_CASE("stores and repartition topics know the formats of their keys and values") {
  klamm::Topology t{"app"};
  static_cast<void>(t.stream(in).group_by([](const std::string& v) { return static_cast<std::int32_t>(v.size()); }).count("n"));
  const auto& store = t.graph().stores[0];
  CHECK(store.key_schema == "int32");
  CHECK(store.value_schema == "int64");
  for (const auto& topic : t.graph().topics) {
    if (topic.cls == TopicClass::repartition) CHECK(topic.key_schema + "," + topic.value_schema == "int32,string");
  }
}

TEST_CASE("handles stay valid when their topology moves") {
  klamm::Topology t{"app"};
  auto stream = t.stream(in).filter([](const std::string&) { return true; });
  const klamm::Topology home{std::move(t)};
  stream.to(out);
  CHECK(home.check().empty());
  CHECK(home.graph().nodes.size() == 3);
}
