#pragma once

namespace klamm::inline v0 {

/// How often a record counts when processes die.
enum class Guarantee : bool {
  at_least_once,  ///< never lost; what was done since the last commit may be done twice
  exactly_once,   ///< once: consumed offsets, tables and outputs are one transaction
};

}  // namespace klamm::inline v0
