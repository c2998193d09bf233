#include <doctest/doctest.h>

#include "klamm/klamm.hpp"
#include "klamm/topology.pb.h"

namespace {

using Text = klamm::Topic<std::string, std::string>;

klamm::Topology shop() {
  klamm::Topology t{"shop"};
  const auto users = t.table(Text{"users"});
  t.stream(Text{"orders"}.partitions(4))
      .filter([](const std::string& v) { return !v.empty(); })
      .group_by([](const std::string& v) { return v.substr(0, 1); })
      .count("orders-by-letter")
      .to(klamm::Topic<std::string, std::int64_t>{"counts"});
  t.stream(Text{"clicks"}).join(users, [](const std::string& v, const std::string& w) { return v + w; }).to(Text{"joined"});
  return t;
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("the text lists topics with their classes, stores with their logs, and operators by sub-topology") {
  CHECK(shop().describe() ==
        "topology shop\n"
        "topic users: source\n"
        "topic orders: source, 4 partitions\n"
        "topic shop-orders-by-letter-repartition: repartition\n"
        "topic counts: sink\n"
        "topic clicks: source\n"
        "topic joined: sink\n"
        "topic shop-orders-by-letter-changelog: changelog\n"
        "store users: string -> string, logged by its source topic users\n"
        "store orders-by-letter: string -> int64, logged by shop-orders-by-letter-changelog\n"
        "sub-topology 0 clicks\n"
        "  source users reads users\n"
        "  table users.table <- users keeps users\n"
        "  source clicks reads clicks\n"
        "  join clicks.join-users <- clicks looks into users.table\n"
        "  to clicks.to-joined <- clicks.join-users writes joined\n"
        "sub-topology 1 orders\n"
        "  source orders reads orders\n"
        "  filter orders.filter <- orders\n"
        "  group_by orders.group_by <- orders.filter (new key)\n"
        "  repartition orders.repartition-orders-by-letter <- orders.group_by writes shop-orders-by-letter-repartition\n"
        "sub-topology 2 orders-by-letter-repartition\n"
        "  source orders-by-letter-repartition reads shop-orders-by-letter-repartition\n"
        "  count orders-by-letter <- orders-by-letter-repartition keeps orders-by-letter\n"
        "  to orders-by-letter.to-counts <- orders-by-letter writes counts\n");
}

TEST_CASE("DOT draws every operator once, topics as cylinders, chains with thick lines") {
  const std::string dot = shop().dot();
  CHECK(contains(dot, "digraph \"shop\" {"));
  CHECK(contains(dot, "\"topic orders\" [shape=cylinder,label=\"orders\"];"));
  CHECK(contains(dot, "\"orders.filter\" [label=\"filter orders.filter\"];"));
  CHECK(contains(dot, "\"orders\" -> \"orders.filter\" [style=bold];"));
  CHECK(contains(dot, "\"users.table\" -> \"clicks.join-users\" [style=dashed,arrowhead=none];"));
  CHECK(contains(dot, "\"orders-by-letter\" -> \"topic shop-orders-by-letter-changelog\""));
  CHECK(dot.ends_with("}\n"));
}

TEST_CASE("Mermaid draws the same") {
  const std::string mermaid = shop().mermaid();
  CHECK(mermaid.starts_with("flowchart LR\n"));
  CHECK(contains(mermaid, "[(\"shop-orders-by-letter-repartition\")]"));
  CHECK(contains(mermaid, "subgraph s1[\"orders\"]"));
  CHECK(contains(mermaid, "[\"filter orders.filter\"]"));
  CHECK(contains(mermaid, " ==> "));
  CHECK(contains(mermaid, " -.- "));
}

TEST_CASE("names that need quoting do not break the pictures") {
  klamm::Topology t{"bad"};
  t.stream(Text{"a\"b"}).to(Text{"c\\d"});
  CHECK(contains(t.dot(), "\"topic a\\\"b\""));
  CHECK(contains(t.dot(), "\"topic c/d\""));
  CHECK(contains(t.mermaid(), "\"a#quot;b\""));
}

TEST_CASE("the protobuf message has all of it") {
  klamm::pb::Topology message;
  REQUIRE(message.ParseFromString(shop().proto()));
  CHECK(message.version() == 1);
  CHECK(message.name() == "shop");
  CHECK(message.topics_size() == 7);
  REQUIRE(message.stores_size() == 2);
  CHECK(message.stores(0).changelog() == "users");
  CHECK(message.stores(0).logged_by_source());
  CHECK(message.stores(1).changelog() == "shop-orders-by-letter-changelog");
  CHECK(message.stores(1).value_schema() == "int64");
  REQUIRE(message.sub_topologies_size() == 3);
  CHECK(message.sub_topologies(2).name() == "orders-by-letter-repartition");
  REQUIRE(message.operators_size() == 12);
  const klamm::pb::Operator& filter = message.operators(3);
  CHECK(filter.name() == "orders.filter");
  CHECK(filter.kind() == "filter");
  CHECK(filter.inputs(0) == "orders");
  CHECK(filter.sub_topology() == 1);
  CHECK(filter.file().ends_with("describe_test.cpp"));
  CHECK(message.operators(2).stage() == filter.stage());  // one loop
  CHECK(message.topics(1).partitions() == 4);
}

TEST_CASE("processors are shown with their stores, as text, in the pictures and to tools") {
  struct Keeps {
    using Context = klamm::ValueContext<std::string>;
    klamm::KeyValueStore<std::string, std::int64_t>& rows;
    Context& context;
    void process(const klamm::Record<std::string, const std::string>&) {}
  };
  klamm::Topology t{"app"};
  const auto seen = t.store<std::string, std::int64_t>("seen");
  t.stream(Text{"in"}).process_values<Keeps>(seen).to(Text{"out"});
  CHECK(t.describe() ==
        "topology app\n"
        "topic in: source\n"
        "topic out: sink\n"
        "topic app-seen-changelog: changelog\n"
        "store seen: string -> int64, logged by app-seen-changelog\n"
        "sub-topology 0 in\n"
        "  source in reads in\n"
        "  process_values in.process_values-seen <- in uses seen\n"
        "  to in.to-out <- in.process_values-seen writes out\n");
  CHECK(contains(t.dot(), "\"store seen\" [label=\"store seen\",shape=box3d];"));
  CHECK(contains(t.dot(), "\"store seen\" -> \"in.process_values-seen\" [style=dashed,dir=both];"));
  CHECK(contains(t.dot(), "\"store seen\" -> \"topic app-seen-changelog\" [style=dotted];"));
  CHECK(contains(t.mermaid(), "s0_[[\"store seen\"]]"));
  CHECK(contains(t.mermaid(), "s0_ <-.-> n1"));
  klamm::pb::Topology message;
  REQUIRE(message.ParseFromString(t.proto()));
  CHECK(message.stores(0).operator_().empty());
  REQUIRE(message.operators(1).uses_size() == 1);
  CHECK(message.operators(1).uses(0) == "seen");
}
