#pragma once

#include <vector>

#include "runtime/environment.hpp"

namespace klamm::inline v0::runtime {

/// Commits marks outside the workers' transactions: what tasks say of the topics that they read, before anybody writes there. Waits until
/// that is done; `unavailable` when it can't be done now.
Status announce(const Environment& environment, const std::vector<log::OffsetCommit>& marks);

}  // namespace klamm::inline v0::runtime
