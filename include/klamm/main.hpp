#pragma once

#include "klamm/api.hpp"

namespace klamm::inline v0 {

class Topology;

/// The command line of an application; returns the status to end the process with: 0, 1 for errors, 2 for wrong usage.
///
///     PROGRAM [run] --embedded DIR [options]              runs until SIGINT or SIGTERM
///     PROGRAM describe [--text|--dot|--mermaid|--topics]  prints the graph
///     PROGRAM reset --embedded DIR [--dry-run]            deletes this application's stores, internal topics and committed offsets
KLAMM_API int main(const Topology& topology, int argc, char** argv);

}  // namespace klamm::inline v0
