#pragma once

#include <string>

#include "klamm/log_choice.hpp"
#include "klamm/status.hpp"
#include "klamm/topology.hpp"

namespace klamm::inline v0 {

struct DescribeTopics {
  LogChoice log;               ///< on Kafka the counts are as they will be there; none: as far as the program says them
  std::string application_id;  ///< the topology's name if empty
  int partitions = 0;          ///< of topics that do not say their own count, when klamm creates them
};

/// A line for each topic: name, what it is, partitions as far as they are known, and of internal ones the settings they need on Kafka.
///
///     shop-revenue-changelog  changelog  partitions=6  cleanup.policy=compact  …
Result<std::string> describe_topics(const Topology& topology, const DescribeTopics& options);

}  // namespace klamm::inline v0
