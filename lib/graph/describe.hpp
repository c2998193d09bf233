#pragma once

#include <string>

#include "graph/graph.hpp"

// The description in the forms in which people and tools read it.

namespace klamm::inline v0::detail {

std::string as_text(const Graph& graph);
std::string as_dot(const Graph& graph);
std::string as_mermaid(const Graph& graph);
/// A serialised klamm.pb.Topology.
std::string as_proto(const Graph& graph);

}  // namespace klamm::inline v0::detail
