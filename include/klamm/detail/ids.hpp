#pragma once

namespace klamm::detail {

/// An operator of a topology.
enum class NodeId : int { none = -1 };
/// A store of a topology.
enum class StoreId : int { none = -1 };

}  // namespace klamm::detail
