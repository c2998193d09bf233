#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "klamm/detail/stage.hpp"
#include "klamm/topic.hpp"

// The description behind a Topology, as the runtime reads it.

namespace klamm::inline v0::detail {

struct Node {
  std::string kind;
  std::string name;    // unique in the topology
  std::string anchor;  // the nearest name upstream that does not move when operators are added: topic, store, or given by the user
  const char* file = "";
  int line = 0;
  std::vector<NodeId> inputs;
  std::vector<NodeId> lookups;       // tables in which it looks keys up
  int topic = -1;                    // of a source or a sink
  const TopicInfo* parts = nullptr;  // of a source: the serde objects and the extractor of its topic, if it has any
  StoreId store = StoreId::none;
  std::vector<StoreId> uses;          // stores of a processor
  NodeId repartition = NodeId::none;  // the source behind its repartition topic
  int stage = -1;
  bool named = false;        // by the user
  bool key_changed = false;  // since the last topic
  bool extended = false;     // its handle was used up by the next operator of its chain
  bool committed = false;    // its chain is a stage
  bool reported = false;     // its use after a move is among the problems
  bool alias = false;        // a merge: nothing runs here, its consumers read its inputs
  bool terminal = false;
  bool view = false;  // a filter, a map or a join of tables
  bool emits_on_commit = false;
};

struct StageEntry {
  std::unique_ptr<Stage> prototype;
  NodeId origin;        // what it reads; of a source, the source itself
  NodeId first;         // its first operator: the place in the program
  SourceStage* source;  // the same object, if it reads a topic
};

struct StoreEntry {
  std::string name;
  MakeStore make;
  NodeId node;  // the table that keeps it; none: a store of processors
  std::string key_schema;
  std::string value_schema;
  int source_topic;  // the source topic that serves as its changelog; -1: it has its own, `<app>-<name>-changelog`
  const char* file;
  int line;
  RowOrder order{};
};

/// What a topic is to the application. Only repartition topics and changelogs are klamm's to create, change and delete.
enum class TopicClass : unsigned char {
  source,
  sink,
  through,      // the user's, written and read
  repartition,  // `<app>-<name>-repartition`
  changelog,    // never among `Graph::topics`: it follows from a store
};
const char* to_string(TopicClass cls);

struct TopicEntry {
  TopicInfo info;  // without serde objects and extractor; of a repartition topic the name begins with the topology's
  TopicClass cls;
  std::string key_schema;  // of a repartition topic
  std::string value_schema;
  const char* file = "";  // first use
  int line = 0;
};

/// Owned by its topology; changed on the thread that builds it, and only read once an application runs.
struct Graph {
  const char* file = "";
  int line = 0;
  std::string name;
  std::vector<Node> nodes;
  std::vector<StageEntry> stages;
  std::vector<StoreEntry> stores;
  std::deque<TopicEntry> topics;
  std::deque<TopicInfo> parts;    // topics with serde objects or extractors, as each use of them gave it
  std::vector<Problem> problems;  // those that showed while it was built
  std::map<std::string, int> occurrences;
  std::map<std::string, NodeId> names;

  Node& at(NodeId id) { return nodes[static_cast<std::size_t>(id)]; }
  [[nodiscard]] const Node& at(NodeId id) const { return nodes[static_cast<std::size_t>(id)]; }
  StoreEntry& at(StoreId id) { return stores[static_cast<std::size_t>(id)]; }
  [[nodiscard]] const StoreEntry& at(StoreId id) const { return stores[static_cast<std::size_t>(id)]; }
};

/// Operators that share tasks: everything between the topics it reads and those it writes. Readers of one topic are together, because a
/// group has one committed offset per partition; so are a table and who looks into it, and the processors of one store.
struct SubTopology {
  int number = 0;                  // in the order of the program; an edit elsewhere may change it
  std::string name;                // stable: the local name of the first of its source topics in alphabetical order
  std::vector<int> source_topics;  // by number in Graph::topics, in the order of the program
  std::vector<NodeId> sinks;
  std::vector<StoreId> stores;
  std::vector<NodeId> nodes;
};
std::vector<SubTopology> subtopologies(const Graph& graph);

/// The operators that use a store of processors.
std::vector<NodeId> users_of(const Graph& graph, StoreId store);
/// The stages that read `node`, in the order in which the program wrote their first operators; merges are looked through.
std::vector<int> consumers_of(const Graph& graph, NodeId node);
/// Everything that is wrong with the description.
std::vector<Problem> problems_of(const Graph& graph);
/// A topic's name without the application's prefix.
std::string local_name(const Graph& graph, const TopicEntry& topic);
std::string changelog_name(const Graph& graph, const StoreEntry& store);

}  // namespace klamm::inline v0::detail
