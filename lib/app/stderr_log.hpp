#pragma once

#include "klamm/logging.hpp"

namespace klamm::inline v0 {

/// Writes lines of level info and above to stderr, each in one write: `klamm info  topics: creating topic x (partitions=4)`.
LogSink stderr_log();

}  // namespace klamm::inline v0
