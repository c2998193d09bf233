#include <algorithm>
#include <set>

#include "graph/build.hpp"

namespace klamm::inline v0::detail {
namespace {

/// Operators whose records nobody takes.
void find_dangling(const Graph& graph, std::vector<Problem>& found) {
  std::set<NodeId> read;
  for (const Node& node : graph.nodes) {
    read.insert(node.inputs.begin(), node.inputs.end());
    read.insert(node.lookups.begin(), node.lookups.end());
  }
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    if (node.terminal || node.extended || node.store != StoreId::none || node.kind == "branch_output" ||
        read.contains(static_cast<NodeId>(i)))
      continue;
    const char* const way_out = node.kind == "group_by" ? ": nothing reads it: keep a table of it with count, reduce or aggregate"
                                : node.view             ? ": nothing reads it: write it to a topic, or join with it"
                                                        : ": nothing reads it: end the chain with to, for_each or a table";
    found.push_back({node.kind + ' ' + quoted(node.name) + way_out, node.file, node.line});
  }
}

/// Stores that no operator uses.
void find_unused_stores(const Graph& graph, std::vector<Problem>& found) {
  for (std::size_t i = 0; i < graph.stores.size(); ++i) {
    const StoreEntry& store = graph.stores[i];
    if (store.node != NodeId::none || !users_of(graph, static_cast<StoreId>(i)).empty()) continue;
    found.push_back(
        {"store " + quoted(store.name) + ": no operator uses it: give it to process<P>(store), or leave it out", store.file, store.line});
  }
}

/// Processors whose stores would have rows of one key in several partitions.
void find_scattered_rows(const Graph& graph, std::vector<Problem>& found) {
  for (const Node& node : graph.nodes) {
    if (node.uses.empty() || !graph.at(node.inputs.front()).key_changed) continue;
    found.push_back({node.kind + ' ' + quoted(node.name) + ": the key of its stream was changed, so records of one key come from several " +
                         "partitions, and store " + quoted(graph.at(node.uses.front()).name) +
                         " would have a row in each: send the stream .through(topic) before it",
                     node.file, node.line});
  }
}

/// Inputs that meet in one task must have equal partition counts, as far as the program says them.
void find_unequal_partitions(const Graph& graph, std::vector<Problem>& found) {
  for (const SubTopology& sub : subtopologies(graph)) {
    std::string list;
    std::set<int> counts;
    const TopicEntry* last = nullptr;
    for (const int number : sub.source_topics) {
      const TopicEntry& topic = graph.topics[static_cast<std::size_t>(number)];
      if (topic.info.partitions == 0) continue;
      list += (list.empty() ? "" : ", ") + quoted(topic.info.name) + " has " + std::to_string(topic.info.partitions);
      if (counts.insert(topic.info.partitions).second) last = &topic;
    }
    if (counts.size() < 2) continue;
    found.push_back({"sub-topology " + quoted(sub.name) + ": its topics meet in one task and need equal partition counts: " + list +
                         ": send one of them through a topic with the other's count",
                     last->file, last->line});
  }
}

/// A topic that is begun in the middle would leave a table with holes, and a way through a topic without its records.
void find_late_starts(const Graph& graph, std::vector<Problem>& found) {
  for (const Node& node : graph.nodes) {
    const bool table = node.kind == "table";
    const int number = table ? graph.at(node.inputs.front()).topic : node.kind == "through" ? node.topic : -1;
    if (number < 0) continue;
    const TopicInfo& topic = graph.topics[static_cast<std::size_t>(number)].info;
    if (topic.start_at != Start::latest) continue;
    found.push_back({node.kind + ' ' + quoted(node.name) + ": topic " + quoted(topic.name) + " starts at the latest record, and " +
                         (table ? "a table" : "what goes through a topic") + " needs all of them: leave out start_at(Start::latest)",
                     node.file, node.line});
  }
}

}  // namespace

std::vector<Problem> problems_of(const Graph& graph) {
  std::vector<Problem> found = graph.problems;
  if (std::none_of(graph.nodes.begin(), graph.nodes.end(), [](const Node& node) { return node.kind == "source"; }))
    found.push_back(
        {"topology " + quoted(graph.name) + ": it reads no topic: begin with stream(topic) or table(topic)", graph.file, graph.line});
  find_dangling(graph, found);
  find_unused_stores(graph, found);
  find_scattered_rows(graph, found);
  find_unequal_partitions(graph, found);
  find_late_starts(graph, found);
  return found;
}

}  // namespace klamm::inline v0::detail
