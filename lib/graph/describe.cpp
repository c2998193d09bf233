#include "graph/describe.hpp"

namespace klamm::inline v0::detail {
namespace {

void line_of_node(const Graph& graph, const Node& node, std::string& text) {
  text += "  " + node.kind + ' ' + node.name;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) text += (i == 0 ? " <- " : ", ") + graph.at(node.inputs[i]).name;
  for (const NodeId table : node.lookups) text += " looks into " + graph.at(table).name;
  if (node.topic >= 0) {
    const TopicEntry& topic = graph.topics[static_cast<std::size_t>(node.topic)];
    text += (node.kind == "source" ? " reads " : " writes ") + topic.info.name;
  }
  if (node.store != StoreId::none) text += " keeps " + graph.at(node.store).name;
  for (std::size_t i = 0; i < node.uses.size(); ++i) text += (i == 0 ? " uses " : ", ") + graph.at(node.uses[i]).name;
  if (node.emits_on_commit) text += ", emits on commit";
  if (node.key_changed && node.inputs.size() == 1 && !graph.at(node.inputs[0]).key_changed) text += " (new key)";
  text += '\n';
}

void line_of_store(const Graph& graph, const StoreEntry& store, std::string& text) {
  const auto or_unknown = [](const std::string& schema) { return schema.empty() ? std::string{"?"} : schema; };
  text += "store " + store.name + ": " + or_unknown(store.key_schema) + " -> " + or_unknown(store.value_schema) + ", logged by ";
  if (store.source_topic >= 0)
    text += "its source topic " + graph.topics[static_cast<std::size_t>(store.source_topic)].info.name;
  else
    text += changelog_name(graph, store);
  text += '\n';
}

}  // namespace

std::string as_text(const Graph& graph) {
  std::string text = "topology " + graph.name + '\n';
  for (const TopicEntry& topic : graph.topics) {
    text += "topic " + topic.info.name + ": " + to_string(topic.cls);
    if (topic.info.partitions != 0)
      text += ", " + std::to_string(topic.info.partitions) + (topic.info.partitions == 1 ? " partition" : " partitions");
    text += '\n';
  }
  for (const StoreEntry& store : graph.stores) {
    if (store.source_topic < 0) text += "topic " + changelog_name(graph, store) + ": " + to_string(TopicClass::changelog) + '\n';
  }
  for (const StoreEntry& store : graph.stores) line_of_store(graph, store, text);
  for (const SubTopology& sub : subtopologies(graph)) {
    text += "sub-topology " + std::to_string(sub.number) + ' ' + sub.name + '\n';
    for (const NodeId id : sub.nodes) line_of_node(graph, graph.at(id), text);
  }
  return text;
}

}  // namespace klamm::inline v0::detail
