#include "graph/describe.hpp"
#include "klamm/topology.pb.h"

namespace klamm::inline v0::detail {
namespace {

pb::Topic::Class class_of(TopicClass cls) {
  switch (cls) {
    case TopicClass::source:
      return pb::Topic::SOURCE;
    case TopicClass::sink:
      return pb::Topic::SINK;
    case TopicClass::through:
      return pb::Topic::THROUGH;
    case TopicClass::repartition:
      return pb::Topic::REPARTITION;
    case TopicClass::changelog:
      return pb::Topic::CHANGELOG;
  }
  return pb::Topic::UNKNOWN;
}

void describe_topics(const Graph& graph, pb::Topology& out) {
  for (const TopicEntry& topic : graph.topics) {
    pb::Topic& t = *out.add_topics();
    t.set_name(topic.info.name);
    t.set_class_(class_of(topic.cls));
    t.set_partitions(topic.info.partitions);
    t.set_key_schema(topic.key_schema);
    t.set_value_schema(topic.value_schema);
  }
  for (const StoreEntry& store : graph.stores) {
    if (store.source_topic >= 0) continue;
    pb::Topic& t = *out.add_topics();
    t.set_name(changelog_name(graph, store));
    t.set_class_(pb::Topic::CHANGELOG);
    t.set_key_schema(store.key_schema);
    t.set_value_schema(store.value_schema);
  }
}

void describe_store(const Graph& graph, const StoreEntry& store, pb::Store& out) {
  out.set_name(store.name);
  if (store.node != NodeId::none) out.set_operator_(graph.at(store.node).name);
  out.set_key_schema(store.key_schema);
  out.set_value_schema(store.value_schema);
  out.set_changelog(store.source_topic >= 0 ? graph.topics[static_cast<std::size_t>(store.source_topic)].info.name
                                            : changelog_name(graph, store));
  out.set_logged_by_source(store.source_topic >= 0);
}

void describe_operator(const Graph& graph, const Node& node, int sub, pb::Operator& out) {
  out.set_name(node.name);
  out.set_kind(node.kind);
  for (const NodeId input : node.inputs) out.add_inputs(graph.at(input).name);
  for (const NodeId table : node.lookups) out.add_lookups(graph.at(table).name);
  if (node.topic >= 0) out.set_topic(graph.topics[static_cast<std::size_t>(node.topic)].info.name);
  if (node.store != StoreId::none) out.set_store(graph.at(node.store).name);
  out.set_sub_topology(sub);
  for (const StoreId store : node.uses) out.add_uses(graph.at(store).name);
  out.set_stage(node.stage);
  out.set_key_changed(node.key_changed);
  out.set_file(node.file);
  out.set_line(node.line);
  out.set_emits_on_commit(node.emits_on_commit);
}

}  // namespace

std::string as_proto(const Graph& graph) {
  pb::Topology out;
  out.set_version(1);
  out.set_name(graph.name);
  describe_topics(graph, out);
  for (const StoreEntry& store : graph.stores) describe_store(graph, store, *out.add_stores());
  const std::vector<SubTopology> subs = subtopologies(graph);
  std::vector<int> number_of(graph.nodes.size());
  for (const SubTopology& sub : subs) {
    pb::SubTopology& s = *out.add_sub_topologies();
    s.set_number(sub.number);
    s.set_name(sub.name);
    for (const NodeId id : sub.nodes) number_of[static_cast<std::size_t>(id)] = sub.number;
  }
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) describe_operator(graph, graph.nodes[i], number_of[i], *out.add_operators());
  return out.SerializeAsString();
}

}  // namespace klamm::inline v0::detail
