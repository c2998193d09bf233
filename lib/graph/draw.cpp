#include "graph/build.hpp"
#include "graph/describe.hpp"

// Pictures: topics as cylinders, sub-topologies as boxes, operators that run as one chain joined by thick lines.

namespace klamm::inline v0::detail {
namespace {

/// Text inside quotes, for names that users chose badly: pictures of topologies with problems must be well-formed too.
std::string escaped(const std::string& text, const char* quote) {
  std::string out;
  for (const char c : text) {
    if (c == '"')
      out += quote;
    else if (c == '\\')
      out += '/';
    else
      out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out;
}

bool fused(const Graph& graph, const Node& node, NodeId input) { return node.stage >= 0 && graph.at(input).stage == node.stage; }

std::string dot_string(const std::string& text) { return '"' + escaped(text, "\\\"") + '"'; }
std::string dot_topic(const std::string& name) { return dot_string("topic " + name); }

std::string dot_store(const StoreEntry& store) { return dot_string("store " + store.name); }

void dot_changelogs(const Graph& graph, std::string& text) {
  for (const StoreEntry& store : graph.stores) {
    if (store.source_topic >= 0) continue;
    const std::string name = changelog_name(graph, store);
    const std::string keeper = store.node != NodeId::none ? dot_string(graph.at(store.node).name) : dot_store(store);
    text += "  " + dot_topic(name) + " [shape=cylinder,style=dotted,label=" + dot_string(name) + "];\n";
    text += "  " + keeper + " -> " + dot_topic(name) + " [style=dotted];\n";
  }
}

std::string mermaid_text(const std::string& text) { return '"' + escaped(text, "#quot;") + '"'; }
std::string mermaid_node(NodeId id) { return 'n' + std::to_string(static_cast<int>(id)); }
std::string mermaid_store(StoreId id) { return 's' + std::to_string(static_cast<int>(id)) + "_"; }
std::string mermaid_topic(int topic) { return 't' + std::to_string(topic); }

}  // namespace

std::string as_dot(const Graph& graph) {
  std::string text = "digraph " + dot_string(graph.name) + " {\n  rankdir=LR;\n  node [shape=box];\n";
  for (const TopicEntry& topic : graph.topics) {
    text += "  " + dot_topic(topic.info.name) + " [shape=cylinder,label=" + dot_string(topic.info.name);
    text += topic.cls == TopicClass::repartition ? ",style=dashed];\n" : "];\n";
  }
  for (const SubTopology& sub : subtopologies(graph)) {
    text += "  subgraph cluster_" + std::to_string(sub.number) + " {\n    label=" + dot_string(sub.name) + ";\n";
    for (const NodeId id : sub.nodes) {
      const Node& node = graph.at(id);
      text += "    " + dot_string(node.name) + " [label=" + dot_string(node.kind + ' ' + node.name);
      text += node.store != StoreId::none ? ",shape=box3d];\n" : "];\n";
    }
    for (const StoreId id : sub.stores) {
      const StoreEntry& store = graph.at(id);
      if (store.node == NodeId::none)
        text += "    " + dot_store(store) + " [label=" + dot_string("store " + store.name) + ",shape=box3d];\n";
    }
    text += "  }\n";
  }
  for (const Node& node : graph.nodes) {
    const std::string name = dot_string(node.name);
    for (const NodeId input : node.inputs) {
      text += "  " + dot_string(graph.at(input).name) + " -> " + name + (fused(graph, node, input) ? " [style=bold];\n" : ";\n");
    }
    for (const NodeId table : node.lookups)
      text += "  " + dot_string(graph.at(table).name) + " -> " + name + " [style=dashed,arrowhead=none];\n";
    for (const StoreId store : node.uses) text += "  " + dot_store(graph.at(store)) + " -> " + name + " [style=dashed,dir=both];\n";
    if (node.topic < 0) continue;
    const std::string topic = dot_topic(graph.topics[static_cast<std::size_t>(node.topic)].info.name);
    text += node.kind == "source" ? "  " + topic + " -> " + name + ";\n" : "  " + name + " -> " + topic + ";\n";
  }
  dot_changelogs(graph, text);
  return text + "}\n";
}

std::string as_mermaid(const Graph& graph) {
  std::string text = "flowchart LR\n";
  for (std::size_t i = 0; i < graph.topics.size(); ++i) {
    text += "  " + mermaid_topic(static_cast<int>(i)) + "[(" + mermaid_text(graph.topics[i].info.name) + ")]\n";
  }
  for (const SubTopology& sub : subtopologies(graph)) {
    text += "  subgraph s" + std::to_string(sub.number) + '[' + mermaid_text(sub.name) + "]\n";
    for (const NodeId id : sub.nodes) {
      const Node& node = graph.at(id);
      const bool table = node.store != StoreId::none;
      text += "    " + mermaid_node(id) + (table ? "[[" : "[") + mermaid_text(node.kind + ' ' + node.name) + (table ? "]]\n" : "]\n");
    }
    for (const StoreId id : sub.stores) {
      if (graph.at(id).node == NodeId::none)
        text += "    " + mermaid_store(id) + "[[" + mermaid_text("store " + graph.at(id).name) + "]]\n";
    }
    text += "  end\n";
  }
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    const std::string name = mermaid_node(static_cast<NodeId>(i));
    for (const NodeId input : node.inputs)
      text += "  " + mermaid_node(input) + (fused(graph, node, input) ? " ==> " : " --> ") + name + '\n';
    for (const NodeId table : node.lookups) text += "  " + mermaid_node(table) + " -.- " + name + '\n';
    for (const StoreId store : node.uses) text += "  " + mermaid_store(store) + " <-.-> " + name + '\n';
    if (node.topic < 0) continue;
    const std::string topic = mermaid_topic(node.topic);
    text += node.kind == "source" ? "  " + topic + " --> " + name + '\n' : "  " + name + " --> " + topic + '\n';
  }
  for (std::size_t i = 0; i < graph.stores.size(); ++i) {
    const StoreEntry& store = graph.stores[i];
    if (store.source_topic >= 0) continue;
    const std::string id = 'c' + std::to_string(i);
    const std::string keeper = store.node != NodeId::none ? mermaid_node(store.node) : mermaid_store(static_cast<StoreId>(i));
    text += "  " + id + "[(" + mermaid_text(changelog_name(graph, store)) + ")]\n  " + keeper + " -.-> " + id + '\n';
  }
  return text;
}

}  // namespace klamm::inline v0::detail
