#pragma once

#include <string>

#include "klamm/status.hpp"
#include "klamm/topology.hpp"

namespace klamm::inline v0 {

enum class Reset : bool { dry_run, for_real };

struct ResetOptions {
  std::string directory;       ///< of the embedded log
  std::string state_dir;       ///< of the stores; `<directory>/stores` if empty
  std::string application_id;  ///< the topology's name if empty
  Reset mode = Reset::for_real;
};

/// Deletes this application's stores, internal topics and committed offsets, and prints to stdout what it deletes, a line each. Source and
/// sink topics stay. `unavailable` while the application runs.
Status reset(const Topology& topology, const ResetOptions& options);

/// A line for each topic: name, what it is, partitions where the program says them.
std::string describe_topics(const Topology& topology, const std::string& application_id);

}  // namespace klamm::inline v0
