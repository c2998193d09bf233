#pragma once

#include <string>

#include "klamm/log_choice.hpp"
#include "klamm/status.hpp"
#include "klamm/topology.hpp"

namespace klamm::inline v0 {

enum class Reset : bool { dry_run, for_real };

struct ResetOptions {
  LogChoice log;
  std::string state_dir;       ///< of the stores; if empty, where an application has them that doesn't say
  std::string application_id;  ///< the topology's name if empty
  Reset mode = Reset::for_real;
};

/// Deletes this application's stores, internal topics and committed offsets, and prints to stdout what it deletes, a line each. Source and
/// sink topics stay. Refused while the application runs: on Kafka, as long as its group has members.
Status reset(const Topology& topology, const ResetOptions& options);

}  // namespace klamm::inline v0
