#include "graph/build.hpp"

#include <algorithm>

#include "graph/graph.hpp"
#include "klamm/suppress.hpp"

namespace klamm::inline v0 {

TopicInfo::TopicInfo(std::string topic_name, std::string_view key, std::string_view value)
    : name{std::move(topic_name)}, key_type{key}, value_type{value} {}
TopicInfo::TopicInfo(const TopicInfo&) = default;
TopicInfo::TopicInfo(TopicInfo&&) noexcept = default;
TopicInfo& TopicInfo::operator=(const TopicInfo&) = default;
TopicInfo& TopicInfo::operator=(TopicInfo&&) noexcept = default;
TopicInfo::~TopicInfo() = default;

namespace detail {
namespace {

void mark_stage(Graph& graph, NodeId node, NodeId origin, SourceStage* source, std::unique_ptr<Stage> stage) {
  const int index = static_cast<int>(graph.stages.size());
  stage->node = node;
  NodeId first = node;
  for (NodeId n = node; n != NodeId::none && graph.at(n).stage < 0; n = graph.at(n).inputs.empty() ? NodeId::none : graph.at(n).inputs[0]) {
    if (n == origin && source == nullptr) break;
    graph.at(n).stage = index;
    first = n;
  }
  graph.at(node).committed = true;
  graph.stages.push_back({std::move(stage), origin, first, source});
}

void report_moved(Graph& graph, Node& node, const Named& named) {
  if (!node.reported)
    problem(graph, named,
            node.kind + ' ' + quoted(node.name) + ": its handle was moved from and then used: give the stream a name and branch from that");
  node.reported = true;
}

/// The handle at `node` gives its chain to the next operator.
void use_up(Graph& graph, NodeId id, const Named& named) {
  Node& node = graph.at(id);
  if (node.extended) return report_moved(graph, node, named);
  if (node.committed)
    problem(graph, named,
            node.kind + ' ' + quoted(node.name) + ": its handle is a branch point already and must not be moved from: leave out std::move");
  node.extended = true;
}

/// Whether a view asks for the old values of its input, even if nobody asks for its own: whether there was a row decides on a tombstone.
bool asks_for_old_values(const Node& view, std::size_t input) {
  if (view.kind == "map" || view.kind == "join") return false;
  return view.kind != "left_join" || input == 0;
}

/// Somebody is told of the changes behind `id`. If that needs old values, the table in front needs a changelog of its own: a compacted
/// source topic may have lost them.
void reads_changes(Graph& graph, NodeId id) {
  const Node& node = graph.at(id);
  if (!node.view) return;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (asks_for_old_values(node, i))
      wants_old_values(graph, node.inputs[i]);
    else
      reads_changes(graph, node.inputs[i]);
  }
}

NodeId add_reader(Graph& graph, const char* kind, NodeId input, const Named& named, Rekeys rekeys, const std::string& tag) {
  Node node;
  node.kind = kind;
  node.inputs = {input};
  node.anchor = graph.at(input).anchor;
  node.key_changed = rekeys == Rekeys::yes || graph.at(input).key_changed;
  const std::string stem = node.anchor + '.' + kind + tag;
  return insert_node(graph, std::move(node), named, stem);
}

NodeId add_sink_node(Graph& graph, const char* kind, NodeId input, int topic, const std::string& stem, const Named& named) {
  reads_changes(graph, input);
  Node node;
  node.kind = kind;
  node.inputs = {input};
  node.topic = topic;
  node.terminal = true;
  node.anchor = graph.at(input).anchor;
  const std::string derived = node.anchor + '.' + kind + '-' + stem;
  return insert_node(graph, std::move(node), named, derived);
}

NodeId add_source_node(Graph& graph, int topic, const TopicInfo* parts, const std::string& stem, const Named& named) {
  Node node;
  node.kind = "source";
  node.parts = parts;
  node.topic = topic;
  node.anchor = named.name != nullptr ? named.name : stem;
  return insert_node(graph, std::move(node), named, stem);
}

/// A sink and a source around a topic.
NodeId add_pair(Graph& graph, const char* kind, NodeId input, int topic, const TopicInfo* parts, const std::string& name,
                const std::string& source_name, const Named& named, Stage* sink, SourceStage* source) {
  const NodeId out = add_sink_node(graph, kind, input, topic, name, Named{nullptr, named.file, named.line});
  mark_stage(graph, out, input, nullptr, std::unique_ptr<Stage>(sink));
  const NodeId in = add_source_node(graph, topic, parts, source_name, named);
  if (source != nullptr) commit_source(graph, in, in, source);
  return in;
}

/// Options that only windowed tables have.
void check_plain_table(Graph& graph, const StoreSpec& spec, const Named& named) {
  if (spec.retention != Duration{})
    problem(graph, named, "table " + quoted(spec.name) + ": retention: its rows are kept for ever; only windowed tables have one");
  if (spec.emit == Emit::on_window_close)
    problem(graph, named, "table " + quoted(spec.name) + ": Emit::on_window_close: it has no windows: group with windowed_by");
}

}  // namespace

void wants_old_values(Graph& graph, NodeId id) {
  const Node& node = graph.at(id);
  if (node.store != StoreId::none) graph.at(node.store).source_topic = -1;
  if (!node.view) return;
  for (const NodeId input : node.inputs) wants_old_values(graph, input);
}

void problem(Graph& graph, const Named& named, std::string message) {
  graph.problems.push_back({std::move(message), named.file, named.line});
}

void problem_two_topologies(Graph& graph, const char* kind, const Named& named) {
  problem(graph, named, std::string{kind} + ": its two sides belong to two topologies: build both from one klamm::Topology");
}

NodeId add_source(Graph& graph, const TopicInfo& topic, const Named& named) {
  return add_source_node(graph, use_topic(graph, topic, TopicClass::source, named), parts_of(graph, topic), topic.name, named);
}

NodeId add_operator(Graph& graph, const char* kind, NodeId input, const Named& named, Rekeys rekeys, const char* tag) {
  reads_changes(graph, input);
  return add_reader(graph, kind, input, named, rekeys, tag != nullptr ? std::string{'-'} + tag : std::string{});
}

NodeId add_processor(Graph& graph, const char* kind, NodeId input, const Named& named, Rekeys rekeys, const char* tag) {
  const NodeId node = add_operator(graph, kind, input, named, rekeys, tag);
  graph.at(node).terminal = true;
  return node;
}

NodeId add_view(Graph& graph, const char* kind, NodeId table, const Named& named) {
  const NodeId node = add_reader(graph, kind, table, named, Rekeys::no, {});
  graph.at(node).view = true;
  return node;
}

NodeId add_table_join(Graph& graph, const char* kind, NodeId left, NodeId right, const Named& named) {
  const NodeId node = add_reader(graph, kind, left, named, Rekeys::no, '-' + store_name(graph, right));
  add_input(graph, node, right);
  graph.at(node).view = true;
  return node;
}

bool holds_back(const Graph& graph, NodeId table) {
  const Node& node = graph.at(table);
  return node.view ? std::any_of(node.inputs.begin(), node.inputs.end(), [&](NodeId input) { return holds_back(graph, input); })
                   : node.emits_on_commit;
}

std::string stable_name(const Graph& graph, const char* kind, NodeId input, const Named& named, const char* tag) {
  return named.name != nullptr ? named.name : graph.at(input).anchor + '.' + kind + '-' + tag;
}

NodeId extend(Graph& graph, const char* kind, NodeId input, const Named& named, Rekeys rekeys) {
  use_up(graph, input, named);
  return add_operator(graph, kind, input, named, rekeys);
}

NodeId add_sink(Graph& graph, NodeId input, const TopicInfo& topic, const Named& named) {
  return add_sink_node(graph, "to", input, use_topic(graph, topic, TopicClass::sink, named), topic.name, named);
}

NodeId extend_to_sink(Graph& graph, NodeId input, const TopicInfo& topic, const Named& named) {
  use_up(graph, input, named);
  return add_sink(graph, input, topic, named);
}

NodeId add_choice(Graph& graph, NodeId chooser, const TopicInfo& topic, const Named& named) {
  return add_sink(graph, chooser, topic, Named{nullptr, named.file, named.line});
}
void commit_choices(Graph& graph, NodeId chooser) {
  for (Node& node : graph.nodes) {
    if (node.terminal && !node.inputs.empty() && node.inputs[0] == chooser) node.stage = graph.at(chooser).stage, node.committed = true;
  }
}

void add_input(Graph& graph, NodeId node, NodeId input) {
  graph.at(node).inputs.push_back(input);
  graph.at(node).key_changed = graph.at(node).key_changed || graph.at(input).key_changed;
}
void add_lookup(Graph& graph, NodeId node, NodeId table) { graph.at(node).lookups.push_back(table); }
void make_alias(Graph& graph, NodeId node) { graph.at(node).alias = graph.at(node).committed = true; }
void make_terminal(Graph& graph, NodeId node) { graph.at(node).terminal = true; }

NodeId add_merge(Graph& graph, NodeId left, const Graph& of_right, NodeId right, const Named& named) {
  const NodeId node = add_operator(graph, "merge", left, named);
  if (&of_right == &graph)
    add_input(graph, node, right);
  else
    problem_two_topologies(graph, "merge", named);
  make_alias(graph, node);
  return node;
}

bool settle(Graph& graph, NodeId id, const Named& named) {
  Node& node = graph.at(id);
  if (node.extended) report_moved(graph, node, named);
  const bool open = !node.extended && !node.committed;
  node.committed = true;
  return open;
}

void commit_stage(Graph& graph, NodeId node, NodeId origin, Stage* stage) {
  mark_stage(graph, node, origin, nullptr, std::unique_ptr<Stage>(stage));
}

void commit_source(Graph& graph, NodeId node, NodeId source, SourceStage* stage) {
  std::unique_ptr<Stage> owner(stage);
  stage->use(topic_of(graph, source));
  mark_stage(graph, node, source, stage, std::move(owner));
}

bool needs_repartition(const Graph& graph, NodeId node) { return graph.at(node).key_changed; }
NodeId repartition_of(const Graph& graph, NodeId node) { return graph.at(node).repartition; }

NodeId add_repartition(Graph& graph, NodeId node, const std::string& name, const Named& named, Schemas schemas, Stage* sink,
                       SourceStage* source) {
  const std::string local = name + "-repartition";
  const bool store_is_taken = std::any_of(graph.stores.begin(), graph.stores.end(), [&](const StoreEntry& s) { return s.name == name; });
  const int topic = use_repartition_topic(graph, local, named, store_is_taken ? Report::no : Report::yes);
  TopicEntry& entry = graph.topics[static_cast<std::size_t>(topic)];
  entry.key_schema = std::move(schemas.key);
  entry.value_schema = std::move(schemas.value);
  const Named unnamed{nullptr, named.file, named.line};
  const NodeId in = add_pair(graph, "repartition", node, topic, nullptr, name, local, unnamed, sink, source);
  graph.at(in).anchor = graph.at(node).anchor;
  graph.at(node).repartition = in;
  return in;
}

NodeId add_through(Graph& graph, NodeId node, const TopicInfo& topic, const Named& named, Stage* sink, SourceStage* source) {
  const int index = use_topic(graph, topic, TopicClass::through, named);
  return add_pair(graph, "through", node, index, parts_of(graph, topic), topic.name, topic.name, named, sink, source);
}

NodeId add_table(Graph& graph, const char* kind, NodeId input, StoreSpec spec, const Named& named, const TopicInfo* source) {
  check_store_name(graph, spec.name, named);
  if (spec.order.tail == Tail::none) check_plain_table(graph, spec, named);
  Node node;
  node.kind = kind;
  node.inputs = {input};
  node.store = static_cast<StoreId>(graph.stores.size());
  node.anchor = spec.name;
  node.emits_on_commit = spec.emit == Emit::on_commit;
  const bool repeats = source != nullptr && spec.canonical_keys && source->extractor.empty() && source->key_codec.empty() &&
                       source->value_codec.empty() && source->reject_future == Duration{};
  const int topic = repeats ? graph.at(input).topic : -1;
  const std::string& around = graph.at(input).anchor;
  const NodeId id = insert_node(graph, std::move(node), named, spec.name == around ? around + '.' + kind : spec.name);
  graph.stores.push_back(
      {spec.name, spec.make, id, std::move(spec.schemas.key), std::move(spec.schemas.value), topic, named.file, named.line, spec.order});
  return id;
}

NodeId add_suppress(Graph& graph, NodeId table, std::int64_t hold, const BufferLimit& limit, StoreSpec spec, const Named& named) {
  reads_changes(graph, table);
  wants_old_values(graph, table);
  spec.name = named.name != nullptr ? named.name : store_name(graph, table) + "-suppress";
  if (hold < 0) problem(graph, named, "suppress " + quoted(spec.name) + ": the time limit must not be negative");
  if (const std::string wrong = problem_of(limit); !wrong.empty()) problem(graph, named, "suppress " + quoted(spec.name) + ": " + wrong);
  return add_table(graph, "suppress", table, std::move(spec), named);
}

void check_windows(Graph& graph, const std::string& wrong, const Named& named) {
  if (!wrong.empty()) problem(graph, named, "windowed_by: " + wrong);
}

std::int64_t retention_of(Graph& graph, const std::string& table, Duration said, std::int64_t least, std::int64_t rows,
                          const Named& named) {
  if (said == Duration{}) return rows;
  if (said.milliseconds() < least)
    problem(graph, named,
            "table " + quoted(table) + ": retention(" + std::to_string(said.milliseconds()) + " ms): its windows may change for " +
                std::to_string(least) + " ms, and must be kept as long");
  return std::max(said.milliseconds(), rows);
}

namespace {

/// The partition of a foreign key is that of its bytes as its type's serde writes them.
void check_foreign_keys(Graph& graph, const char* kind, NodeId right, const Named& named) {
  while (!graph.at(right).inputs.empty()) right = graph.at(right).inputs[0];
  const Node& source = graph.at(right);
  if (source.parts == nullptr || (source.parts->key_codec.empty() && source.parts->partitioner.empty())) return;
  problem(graph, named,
          std::string{kind} + ": topic " + quoted(source.parts->name) + " has a " +
              (source.parts->key_codec.empty() ? "partition_by" : "serde object for its keys") +
              ", so no foreign key finds its partition: send it through a topic without");
}

/// A topic between the halves of a foreign-key join: what `writer` sends, and a source of it.
NodeId add_between(Graph& graph, NodeId writer, const std::string& local, Schemas schemas, const Named& named, NodeId& source) {
  const int topic = use_repartition_topic(graph, local, named, Report::yes);
  TopicEntry& entry = graph.topics[static_cast<std::size_t>(topic)];
  entry.key_schema = std::move(schemas.key);
  entry.value_schema = std::move(schemas.value);
  source = add_source_node(graph, topic, nullptr, local, named);
  return add_sink_node(graph, "repartition", writer, topic, local, named);
}

}  // namespace

ForeignKeyJoin add_foreign_key_join(Graph& graph, const char* kind, NodeId left, NodeId right, StoreSpec result, MakeStore subscribers,
                                    ForeignKeySchemas schemas, const Named& named) {
  const std::string name = result.name;
  const Named unnamed{nullptr, named.file, named.line};
  check_foreign_keys(graph, kind, right, named);
  wants_old_values(graph, left);
  reads_changes(graph, right);
  ForeignKeyJoin join;
  join.subscribe = add_reader(graph, "subscribe", left, unnamed, Rekeys::yes, '-' + name);
  join.subscriptions_sink =
      add_between(graph, join.subscribe, name + "-subscription-registration", schemas.subscriptions, unnamed, join.subscriptions);
  StoreSpec store{name + "-subscriptions", subscribers, {schemas.subscriptions.key, "subscriber-1"}};
  store.order.tail = Tail::key;
  join.respond = add_table(graph, "respond", join.subscriptions, std::move(store), unnamed);
  add_input(graph, join.respond, right);
  join.answers_sink = add_between(graph, join.respond, name + "-subscription-response", schemas.answers, unnamed, join.answers);
  join.result = add_table(graph, kind, join.answers, std::move(result), named);
  add_lookup(graph, join.result, left);
  return join;
}

StoreId store_of(const Graph& graph, NodeId node) { return graph.at(node).store; }

StoreId add_store(Graph& graph, StoreSpec spec, const Named& named) {
  check_store_name(graph, spec.name, named);
  graph.stores.push_back({std::move(spec.name), spec.make, NodeId::none, std::move(spec.schemas.key), std::move(spec.schemas.value), -1,
                          named.file, named.line});
  return static_cast<StoreId>(graph.stores.size() - 1);
}

void use_store(Graph& graph, NodeId node, StoreId store, const Graph* owner, const Named& named) {
  Node& user = graph.at(node);
  if (owner != &graph) return problem_two_topologies(graph, user.kind.c_str(), named);
  if (std::find(user.uses.begin(), user.uses.end(), store) != user.uses.end())
    problem(graph, named, user.kind + ' ' + quoted(user.name) + ": store " + quoted(graph.at(store).name) + " is given to it twice");
  user.uses.push_back(store);
}

const std::string& store_name(const Graph& graph, NodeId table) {
  while (graph.at(table).view) table = graph.at(table).inputs[0];
  return graph.at(graph.at(table).store).name;
}

const TopicInfo* parts_of(Graph& graph, const TopicInfo& topic) {
  const bool plain = topic.extractor.empty() && topic.key_codec.empty() && topic.value_codec.empty() && topic.partitioner.empty() &&
                     topic.reject_future == Duration{};
  if (plain) return nullptr;
  return &graph.parts.emplace_back(topic);
}

const TopicInfo& topic_of(const Graph& graph, NodeId id) {
  const Node& node = graph.at(id);
  return node.parts != nullptr ? *node.parts : graph.topics[static_cast<std::size_t>(node.topic)].info;
}

}  // namespace detail
}  // namespace klamm::inline v0
