#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "klamm/api.hpp"
#include "klamm/detail/ids.hpp"
#include "klamm/detail/row_order.hpp"
#include "klamm/emit.hpp"
#include "klamm/status.hpp"
#include "klamm/time.hpp"

// Build-time calls into the untyped graph. Nothing here is a template; all bodies are in lib/graph.

namespace klamm::inline v0 {

class TopicInfo;

namespace detail {

struct Graph;
class Stage;
class SourceStage;
class Task;
class StoreBase;

/// Where a handle stands: its last operator, and the node from which its chain reads. Trivial, because handles are passed on at each
/// operator.
struct Place {
  Graph* graph = nullptr;
  NodeId node = NodeId::none;
  NodeId origin = NodeId::none;
};

/// What an operator does to the key, as far as the partitioning is concerned.
enum class Rekeys : bool { no, yes };

KLAMM_API void problem(Graph& graph, const Named& named, std::string message);
/// Reports that an operator joins handles of two topologies.
KLAMM_API void problem_two_topologies(Graph& graph, const char* kind, const Named& named);

KLAMM_API NodeId add_source(Graph& graph, const TopicInfo& topic, const Named& named);
/// Adds an operator behind a node that already is a branch point. `tag` is the part of a derived name that says more than the kind.
KLAMM_API NodeId add_operator(Graph& graph, const char* kind, NodeId input, const Named& named, Rekeys rekeys = Rekeys::no,
                              const char* tag = nullptr);
/// Adds a processor, which may be the end of its stream.
KLAMM_API NodeId add_processor(Graph& graph, const char* kind, NodeId input, const Named& named, Rekeys rekeys, const char* tag);
/// The name that a join gives to its repartition topic: the user's, or one derived as for an operator, but without a number.
KLAMM_API std::string stable_name(const Graph& graph, const char* kind, NodeId input, const Named& named, const char* tag);
/// Adds an operator to a chain that is still being built, and so uses up the handle that stood at `input`.
KLAMM_API NodeId extend(Graph& graph, const char* kind, NodeId input, const Named& named, Rekeys rekeys);
KLAMM_API NodeId add_sink(Graph& graph, NodeId input, const TopicInfo& topic, const Named& named);
KLAMM_API NodeId extend_to_sink(Graph& graph, NodeId input, const TopicInfo& topic, const Named& named);
/// Adds a sink behind an operator that chooses between several and runs them itself; `commit_choices` when its stage is committed.
KLAMM_API NodeId add_choice(Graph& graph, NodeId chooser, const TopicInfo& topic, const Named& named);
KLAMM_API void commit_choices(Graph& graph, NodeId chooser);
/// Adds a second input: a merge.
KLAMM_API void add_input(Graph& graph, NodeId node, NodeId input);
/// Adds a table in which the operator looks keys up.
KLAMM_API void add_lookup(Graph& graph, NodeId node, NodeId table);
/// The node reads its inputs through: consumers of the node become consumers of its inputs.
KLAMM_API void make_alias(Graph& graph, NodeId node);
KLAMM_API void make_terminal(Graph& graph, NodeId node);
/// Adds what reads two nodes of the same types through; `of_right` is the right one's graph, and a problem if it is another.
KLAMM_API NodeId add_merge(Graph& graph, NodeId left, const Graph& of_right, NodeId right, const Named& named);
/// Adds a filter or a map of a table: it keeps nothing, look-ups go through it.
KLAMM_API NodeId add_view(Graph& graph, const char* kind, NodeId table, const Named& named);
/// Adds a join of two tables, a view of both. Kinds: join, left_join, outer_join.
KLAMM_API NodeId add_table_join(Graph& graph, const char* kind, NodeId left, NodeId right, const Named& named);
/// Whether a table, or one behind a view, tells of its changes at commits.
KLAMM_API bool holds_back(const Graph& graph, NodeId table);
/// Somebody behind `table` needs the old value of each change, so the topic it is read from can't be its changelog: a compacted topic may
/// have lost them.
KLAMM_API void wants_old_values(Graph& graph, NodeId table);

/// Whether the chain that ends at `node` has to be committed now. False if it was before, or if the handle was moved from (a problem).
KLAMM_API bool settle(Graph& graph, NodeId node, const Named& named);
/// Stages are handed over as plain pointers, which the graph owns from here on: less for each pipeline to compile.
KLAMM_API void commit_stage(Graph& graph, NodeId node, NodeId origin, Stage* stage);
KLAMM_API void commit_source(Graph& graph, NodeId node, NodeId source, SourceStage* stage);

/// What repartition topics and stores remember of their types.
struct Schemas {
  std::string key;
  std::string value;
};
/// Whether records at this node may sit in another partition than their key says, and so need a repartition topic before a stateful
/// operator.
KLAMM_API bool needs_repartition(const Graph& graph, NodeId node);
/// The source behind the repartition topic of `node`, or none if it has none yet.
KLAMM_API NodeId repartition_of(const Graph& graph, NodeId node);
/// `name`: of the table or join that needs it.
KLAMM_API NodeId add_repartition(Graph& graph, NodeId node, const std::string& name, const Named& named, Schemas schemas, Stage* sink,
                                 SourceStage* source);
/// A sink into the user's topic and a source from it; without a stage the source is the root of a chain still to come.
KLAMM_API NodeId add_through(Graph& graph, NodeId node, const TopicInfo& topic, const Named& named, Stage* sink, SourceStage* source);

using MakeStore = std::unique_ptr<StoreBase> (*)();
/// What a table says of its store.
struct StoreSpec {
  std::string name;
  MakeStore make = nullptr;
  Schemas schemas;
  /// Whether equal keys have equal bytes, so that a topic of somebody else can be its changelog.
  bool canonical_keys = false;
  RowOrder order{};  ///< of windows and buffers
  Emit emit = Emit::on_update;
  Duration retention{};  ///< as the user said it
};
/// Adds a table behind `input`, and its store. `source`: the topic it is read from, if it only repeats that topic.
KLAMM_API NodeId add_table(Graph& graph, const char* kind, NodeId input, StoreSpec spec, const Named& named,
                           const TopicInfo* source = nullptr);
struct BufferLimit;
/// Adds a suppress behind a table, and the store of what it holds back. The name of the store is the user's, or follows from the table's.
KLAMM_API NodeId add_suppress(Graph& graph, NodeId table, std::int64_t hold, const BufferLimit& limit, StoreSpec spec, const Named& named);
/// Reports what is wrong with windows, if anything.
KLAMM_API void check_windows(Graph& graph, const std::string& wrong, const Named& named);
/// How long a windowed table keeps its rows: what its user says, if that is at least `least`, and never less than `rows`.
KLAMM_API std::int64_t retention_of(Graph& graph, const std::string& table, Duration said, std::int64_t least, std::int64_t rows,
                                    const Named& named);
/// The places of a foreign-key join: `subscribe` and its sink read the left table, `respond` with its store and its sink reads the
/// subscriptions and the right table, `result` with its store reads the answers and looks into the left table.
struct ForeignKeyJoin {
  NodeId subscribe, subscriptions_sink;
  NodeId subscriptions, respond, answers_sink;
  NodeId answers, result;
};
/// What its topics and stores remember of their types.
struct ForeignKeySchemas {
  Schemas subscriptions, answers;
};
/// `result`: the store under the join's name, after which the topics `<name>-subscription-registration` and `<name>-subscription-response`
/// and the store `<name>-subscriptions`, which `subscribers` makes, are called.
KLAMM_API ForeignKeyJoin add_foreign_key_join(Graph& graph, const char* kind, NodeId left, NodeId right, StoreSpec result,
                                              MakeStore subscribers, ForeignKeySchemas schemas, const Named& named);
KLAMM_API StoreId store_of(const Graph& graph, NodeId node);
/// Adds a store for processors; nobody uses it yet.
KLAMM_API StoreId add_store(Graph& graph, StoreSpec spec, const Named& named);
/// The processor at `node` uses a store.
KLAMM_API void use_store(Graph& graph, NodeId node, StoreId store, const Graph* owner, const Named& named);
/// The name under which a join derives its own: that of the store it looks into.
KLAMM_API const std::string& store_name(const Graph& graph, NodeId table);

/// The graph's copy of a topic's serde objects and extractor, for as long as the graph lives; null if it has none.
KLAMM_API const TopicInfo* parts_of(Graph& graph, const TopicInfo& topic);
/// The topic of a source, with its serde objects and extractor.
KLAMM_API const TopicInfo& topic_of(const Graph& graph, NodeId node);

}  // namespace detail
}  // namespace klamm::inline v0
