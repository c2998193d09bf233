#include <algorithm>
#include <numeric>

#include "graph/graph.hpp"

namespace klamm::inline v0::detail {
namespace {

/// Disjoint sets of nodes; the root of a set is its first node.
class Sets {
 public:
  explicit Sets(std::size_t size) : parent_(size) { std::iota(parent_.begin(), parent_.end(), std::size_t{0}); }
  std::size_t root(std::size_t i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }
  void unite(std::size_t a, std::size_t b) {
    a = root(a);
    b = root(b);
    parent_[std::max(a, b)] = std::min(a, b);
  }

 private:
  std::vector<std::size_t> parent_;
};

void name_it(const Graph& graph, SubTopology& sub) {
  for (const int topic : sub.source_topics) {
    std::string local = local_name(graph, graph.topics[static_cast<std::size_t>(topic)]);
    if (sub.name.empty() || local < sub.name) sub.name = std::move(local);
  }
}

}  // namespace

std::vector<SubTopology> subtopologies(const Graph& graph) {
  const std::size_t size = graph.nodes.size();
  Sets sets{size};
  std::map<int, std::size_t> reader;
  std::map<StoreId, std::size_t> user;
  for (std::size_t i = 0; i < size; ++i) {
    const Node& node = graph.nodes[i];
    for (const NodeId input : node.inputs) sets.unite(i, static_cast<std::size_t>(input));
    for (const NodeId table : node.lookups) sets.unite(i, static_cast<std::size_t>(table));
    for (const StoreId store : node.uses) sets.unite(i, user.emplace(store, i).first->second);
    if (node.kind == "source") sets.unite(i, reader.emplace(node.topic, i).first->second);
  }
  std::vector<SubTopology> result;
  std::map<std::size_t, std::size_t> numbers;
  for (std::size_t i = 0; i < size; ++i) {
    const auto [found, added] = numbers.emplace(sets.root(i), result.size());
    if (added) result.emplace_back().number = static_cast<int>(found->second);
    SubTopology& sub = result[found->second];
    const Node& node = graph.nodes[i];
    const auto id = static_cast<NodeId>(i);
    sub.nodes.push_back(id);
    if (node.kind == "source") {
      if (std::find(sub.source_topics.begin(), sub.source_topics.end(), node.topic) == sub.source_topics.end())
        sub.source_topics.push_back(node.topic);
    } else if (node.topic >= 0) {
      sub.sinks.push_back(id);
    }
    if (node.store != StoreId::none) sub.stores.push_back(node.store);
    for (const StoreId store : node.uses) {
      if (user.at(store) == i) sub.stores.push_back(store);
    }
  }
  for (SubTopology& sub : result) name_it(graph, sub);
  return result;
}

std::vector<NodeId> users_of(const Graph& graph, StoreId store) {
  std::vector<NodeId> users;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const std::vector<StoreId>& uses = graph.nodes[i].uses;
    if (std::find(uses.begin(), uses.end(), store) != uses.end()) users.push_back(static_cast<NodeId>(i));
  }
  return users;
}

std::vector<int> consumers_of(const Graph& graph, NodeId node) {
  std::vector<int> found;
  for (std::size_t i = 0; i < graph.stages.size(); ++i) {
    if (graph.stages[i].origin == node && graph.stages[i].source == nullptr) found.push_back(static_cast<int>(i));
  }
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (!graph.nodes[i].alias) continue;
    for (const NodeId input : graph.nodes[i].inputs) {
      if (input != node) continue;
      const auto behind = consumers_of(graph, static_cast<NodeId>(i));
      found.insert(found.end(), behind.begin(), behind.end());
    }
  }
  std::sort(found.begin(), found.end(), [&graph](int a, int b) {
    return graph.stages[static_cast<std::size_t>(a)].first < graph.stages[static_cast<std::size_t>(b)].first;
  });
  return found;
}

std::string local_name(const Graph& graph, const TopicEntry& topic) {
  return topic.cls == TopicClass::repartition ? topic.info.name.substr(graph.name.size() + 1) : topic.info.name;
}
std::string changelog_name(const Graph& graph, const StoreEntry& store) { return graph.name + '-' + store.name + "-changelog"; }

const char* to_string(TopicClass cls) {
  switch (cls) {
    case TopicClass::source:
      return "source";
    case TopicClass::sink:
      return "sink";
    case TopicClass::through:
      return "through";
    case TopicClass::repartition:
      return "repartition";
    case TopicClass::changelog:
      return "changelog";
  }
  return "";
}

}  // namespace klamm::inline v0::detail
