#include "klamm/topology.hpp"

#include "graph/build.hpp"
#include "graph/describe.hpp"

namespace klamm::inline v0 {

Topology::Topology(const char* name, const char* file, int line) : graph_{new detail::Graph} {
  detail::Graph& graph = *graph_;
  graph.name = name;
  graph.file = file;
  graph.line = line;
  if (!detail::valid_name(graph.name)) graph.problems.push_back({detail::bad_name("topology", graph.name), file, line});
}

Topology::Topology(Topology&&) noexcept = default;
Topology& Topology::operator=(Topology&&) noexcept = default;
Topology::~Topology() = default;
void Topology::Delete::operator()(detail::Graph* graph) const { delete graph; }

const std::string& Topology::name() const { return (*graph_).name; }
std::vector<Problem> Topology::check() const { return detail::problems_of(*graph_); }
std::string Topology::describe() const { return detail::as_text(*graph_); }
std::string Topology::dot() const { return detail::as_dot(*graph_); }
std::string Topology::mermaid() const { return detail::as_mermaid(*graph_); }
std::string Topology::proto() const { return detail::as_proto(*graph_); }

}  // namespace klamm::inline v0
