#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "graph/graph.hpp"
#include "klamm/status.hpp"
#include "log/log.hpp"

namespace klamm::inline v0::runtime {

/// A store of a sub-topology, and where its changes are kept beside the disk.
struct StorePlan {
  detail::StoreId id;
  std::string name;
  std::string changelog;  ///< the changelog topic, or the source topic that serves as one
  int source_topic = -1;  ///< the graph's number of that source topic; -1: a changelog of its own
};

/// A sub-topology with all that was open in the description decided: names and partition counts.
struct SubPlan {
  int number = 0;
  std::string name;         ///< stable: its leader input
  std::vector<int> inputs;  ///< topics it reads, by the graph's number; the first is the leader
  log::Partition partitions = 0;
  std::vector<StorePlan> stores;
};

/// What becomes of the records of a store's own changelog.
log::Cleanup changelog_cleanup(const detail::StoreEntry& store);

/// What an application needs of its log. Made once, before start; immutable after.
struct Plan {
  const detail::Graph* graph = nullptr;
  std::string application_id;
  std::vector<std::string> topic_names;                ///< by the graph's number: internal ones carry the application id
  std::vector<log::Partition> partition_counts;        ///< likewise
  std::vector<SubPlan> subs;                           ///< in topological order: who writes a topic before who reads it
  std::vector<log::TopicState> internal_topics;        ///< repartition topics and changelogs
  std::vector<log::TopicState> missing_topics;         ///< sources, sinks and dead-letter topics that the log does not have
  std::map<std::string, log::Partition> dead_letters;  ///< topics of error policies, with their partition counts

  [[nodiscard]] const std::string& topic_name(int topic) const { return topic_names[static_cast<std::size_t>(topic)]; }
  [[nodiscard]] log::Partition partitions(int topic) const { return partition_counts[static_cast<std::size_t>(topic)]; }
};

/// The name of a topic in the log: an internal one was named after the topology when it was described, and carries the application id.
std::string full_name(const detail::Graph& graph, const detail::TopicEntry& topic, const std::string& application_id);

/// Compiles the description for a log. `default_partitions`: of sources and sinks that neither exist nor say their count; 0: none are made,
/// they are a problem.
/// `dead_letters`: topics of error policies. All problems are reported in one status, a line each, with file and line.
Result<Plan> make_plan(const detail::Graph& graph, const std::string& application_id, log::Partition default_partitions, log::Log& log,
                       const std::set<std::string>& dead_letters = {});

}  // namespace klamm::inline v0::runtime
