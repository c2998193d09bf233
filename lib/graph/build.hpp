#pragma once

#include <string>

#include "graph/graph.hpp"

// What the functions that build a graph share: names and topics.

namespace klamm::inline v0::detail {

std::string quoted(const std::string& s);
/// What Kafka takes as the name of a topic.
bool valid_name(const std::string& name);
/// What is wrong with a name that is not valid.
std::string bad_name(const std::string& object, const std::string& name);

/// Adds a node under the user's name, or one derived from `stem`.
NodeId insert_node(Graph& graph, Node node, const Named& named, const std::string& stem);

/// The number of a topic of the user's; its class widens with its uses.
int use_topic(Graph& graph, const TopicInfo& info, TopicClass cls, const Named& named);
enum class Report : bool { no, yes };
int use_repartition_topic(Graph& graph, const std::string& local, const Named& named, Report report);

void check_store_name(Graph& graph, const std::string& name, const Named& named);

}  // namespace klamm::inline v0::detail
