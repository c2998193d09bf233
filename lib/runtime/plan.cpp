#include "runtime/plan.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace klamm::inline v0::runtime {
namespace {

using detail::Graph;
using detail::Node;
using detail::NodeId;
using detail::SubTopology;
using detail::TopicClass;

bool is_internal(const detail::TopicEntry& topic) { return topic.cls == TopicClass::repartition; }

std::string place(const Node& node) { return std::string{node.file} + ':' + std::to_string(node.line) + ": "; }

/// Decides the partition counts of repartition topics, which follow from those around them.
class Counts {
 public:
  Counts(const Graph& graph, const std::vector<SubTopology>& subs, std::vector<log::Partition>& counts) : subs_{subs}, counts_{counts} {
    for (const SubTopology& sub : subs) {
      for (const NodeId sink : sub.sinks) writers_[graph.at(sink).topic].push_back(&sub);
    }
  }

  void decide() {
    // As in Kafka Streams: what an input that meets it has, else the most of what is upstream. Each round decides one topic at least, or
    // none is left but for circles, which get one partition.
    for (bool again = true; again;) {
      again = false;
      for (const SubTopology& sub : subs_) again = decide_inputs(sub) || again;
    }
    for (log::Partition& count : counts_) count = std::max(count, 1);
  }

 private:
  [[nodiscard]] log::Partition& count(int topic) { return counts_[static_cast<std::size_t>(topic)]; }

  log::Partition most(const SubTopology& sub) {
    log::Partition most = 0;
    for (const int input : sub.source_topics) most = std::max(most, count(input));
    return most;
  }
  bool decide_inputs(const SubTopology& sub) {
    bool decided = false;
    for (const int input : sub.source_topics) {
      if (count(input) != 0) continue;
      log::Partition wanted = most(sub);
      if (wanted == 0) {
        for (const SubTopology* writer : writers_[input]) wanted = std::max(wanted, most(*writer));
      }
      if (wanted == 0) continue;
      count(input) = wanted;
      decided = true;
    }
    return decided;
  }

  const std::vector<SubTopology>& subs_;
  std::vector<log::Partition>& counts_;
  std::map<int, std::vector<const SubTopology*>> writers_;
};

/// Sub-topologies with writers of a topic before its readers; circles in the order of the program.
std::vector<SubTopology> in_topological_order(const Graph& graph, std::vector<SubTopology> subs) {
  std::vector<SubTopology> ordered;
  std::set<int> done;  // topics all of whose writers are placed
  while (!subs.empty()) {
    const auto ready = std::find_if(subs.begin(), subs.end(), [&](const SubTopology& sub) {
      return std::all_of(sub.source_topics.begin(), sub.source_topics.end(), [&](int topic) {
        return std::none_of(subs.begin(), subs.end(), [&](const SubTopology& other) {
          return &other != &sub &&
                 std::any_of(other.sinks.begin(), other.sinks.end(), [&](NodeId sink) { return graph.at(sink).topic == topic; });
        });
      });
    });
    const auto next = ready == subs.end() ? subs.begin() : ready;
    ordered.push_back(std::move(*next));
    subs.erase(next);
  }
  return ordered;
}

Status joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += (text.empty() ? "" : "\n") + line;
  return Status{Code::invalid_argument, text};
}

/// Unequal partition counts among the inputs of one sub-topology: task p could not have partition p of each.
void check_co_partitioning(const Graph& graph, const Plan& plan, std::vector<std::string>& problems) {
  for (const SubPlan& sub : plan.subs) {
    if (std::all_of(sub.inputs.begin(), sub.inputs.end(), [&](int t) { return plan.partitions(t) == sub.partitions; })) continue;
    std::string list;
    for (const int input : sub.inputs)
      list += (list.empty() ? "" : ", ") + plan.topic_name(input) + " has " + std::to_string(plan.partitions(input));
    const auto node = std::find_if(graph.nodes.begin(), graph.nodes.end(),
                                   [&](const Node& n) { return n.kind == "source" && n.topic == sub.inputs.front(); });
    problems.push_back((node == graph.nodes.end() ? "" : place(*node)) + "sub-topology \"" + sub.name +
                       "\": its inputs meet in one task and need equal partition counts: " + list +
                       ": send one of them through(topic) with the other's count");
  }
}

std::string missing(const std::vector<std::string>& topics, const log::Log& log) {
  std::string list;
  for (const std::string& topic : topics) list += (list.empty() ? "" : ", ") + topic;
  return (topics.size() == 1 ? "this topic does not exist on " : "these topics do not exist on ") + log.where() + ": " + list +
         ": create what is missing, or say with how many partitions it is to be made: Topic::partitions, or AppOptions::partitions";
}

}  // namespace

log::Cleanup changelog_cleanup(const detail::StoreEntry& store) {
  // Windows expire without tombstones: what is before them is purged.
  return store.order.segment_ms > 0 ? log::Cleanup::compact_and_purge : log::Cleanup::compact;
}

std::string full_name(const Graph& graph, const detail::TopicEntry& topic, const std::string& application_id) {
  return is_internal(topic) ? application_id + topic.info.name.substr(graph.name.size()) : topic.info.name;
}

Result<Plan> make_plan(const Graph& graph, const std::string& application_id, log::Partition default_partitions, log::Log& log,
                       const std::set<std::string>& dead_letters) {
  std::vector<std::string> problems;
  for (const Problem& problem : detail::problems_of(graph))
    problems.push_back(std::string{problem.file} + ':' + std::to_string(problem.line) + ": " + problem.message);
  if (!problems.empty()) return joined(problems);

  std::vector<std::string> absent;
  Plan plan;
  plan.graph = &graph;
  plan.application_id = application_id;
  for (const detail::TopicEntry& topic : graph.topics) {
    plan.topic_names.push_back(full_name(graph, topic, application_id));
    log::Partition count = topic.info.partitions;
    if (!is_internal(topic)) {
      Result<std::optional<log::TopicState>> known = log.topic(topic.info.name);
      if (!known.ok()) return known.status();
      if (*known && count != 0 && (*known)->partitions != count) {
        problems.push_back("topic \"" + topic.info.name + "\": has " + std::to_string((*known)->partitions) +
                           " partitions, the program says " + std::to_string(count));
      }
      if (*known)
        count = (*known)->partitions;
      else if (count == 0 && default_partitions == 0)
        absent.push_back('"' + topic.info.name + "\" (" + topic.file + ':' + std::to_string(topic.line) + ')');
      else if (topic.cls != TopicClass::through && count == 0)
        count = default_partitions;
      if (!*known) plan.missing_topics.push_back({topic.info.name, count, log::Cleanup::keep});
    }
    plan.partition_counts.push_back(count);
  }

  const std::vector<SubTopology> subs = in_topological_order(graph, detail::subtopologies(graph));
  Counts{graph, subs, plan.partition_counts}.decide();
  for (log::TopicState& topic : plan.missing_topics) {
    if (topic.partitions != 0) continue;
    const auto found = std::find(plan.topic_names.begin(), plan.topic_names.end(), topic.name);
    topic.partitions = plan.partition_counts[static_cast<std::size_t>(found - plan.topic_names.begin())];
  }
  for (const SubTopology& sub : subs) {
    SubPlan& out = plan.subs.emplace_back();
    out.number = sub.number;
    out.name = sub.name;
    out.inputs = sub.source_topics;
    for (const int input : out.inputs) out.partitions = std::max(out.partitions, plan.partitions(input));
    std::stable_sort(out.inputs.begin(), out.inputs.end(), [&](int a, int b) { return plan.partitions(a) > plan.partitions(b); });
    for (const detail::StoreId id : sub.stores) {
      const detail::StoreEntry& store = graph.stores[static_cast<std::size_t>(id)];
      StorePlan& kept = out.stores.emplace_back();
      kept.id = id;
      kept.name = store.name;
      kept.source_topic = store.source_topic;
      kept.changelog = kept.source_topic >= 0 ? plan.topic_name(kept.source_topic) : application_id + '-' + store.name + "-changelog";
      if (kept.source_topic < 0)
        plan.internal_topics.push_back({kept.changelog, out.partitions, changelog_cleanup(store), log::Owner::application});
    }
  }
  for (std::size_t i = 0; i < graph.topics.size(); ++i) {
    if (is_internal(graph.topics[i]))
      plan.internal_topics.push_back({plan.topic_names[i], plan.partition_counts[i], log::Cleanup::keep, log::Owner::application});
  }
  if (absent.empty()) check_co_partitioning(graph, plan, problems);
  for (const std::string& topic : dead_letters) {
    Result<std::optional<log::TopicState>> known = log.topic(topic);
    if (!known.ok()) return known.status();
    const auto described = std::find(plan.topic_names.begin(), plan.topic_names.end(), topic);
    const bool named = described != plan.topic_names.end();
    if (!*known && !named && default_partitions == 0) absent.push_back('"' + topic + "\" (dead letters)");
    log::Partition& count = plan.dead_letters[topic];
    count = *known  ? (*known)->partitions
            : named ? plan.partition_counts[static_cast<std::size_t>(described - plan.topic_names.begin())]
                    : default_partitions;
    if (!*known && !named) plan.missing_topics.push_back({topic, count, log::Cleanup::keep});
  }
  if (!absent.empty()) problems.push_back(missing(absent, log));
  if (!problems.empty()) return joined(problems);
  return plan;
}

}  // namespace klamm::inline v0::runtime
