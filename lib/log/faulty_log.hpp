#pragma once

#include <functional>

#include "log/log.hpp"

namespace klamm::inline v0::log {

/// Decides how the producers' commit with this number (from 1, over all producers of the log) ends: by itself if empty, else with this
/// status and without a trace in the log. Called on the committing thread.
using CommitFault = std::function<std::optional<Status>(std::uint64_t commit_number)>;

/// A log whose commits fail on purpose, for tests: `aborted` as a broker's abort would, anything else is fatal. All else goes to `log`,
/// which must outlive it.
std::unique_ptr<Log> faulty_log(Log& log, CommitFault fault);

}  // namespace klamm::inline v0::log
