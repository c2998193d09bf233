#pragma once

namespace klamm::inline v0::detail {

/// An operator of a topology.
enum class NodeId : int { none = -1 };
/// A store of a topology.
enum class StoreId : int { none = -1 };

}  // namespace klamm::inline v0::detail
