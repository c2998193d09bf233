#pragma once

#include "klamm/api.hpp"

namespace klamm::inline v0 {

class Topology;

/// The command line of an application; returns the status to end the process with: 0, 1 for errors, 2 for wrong usage.
///
///     PROGRAM [run] LOG [options]                         runs until SIGINT or SIGTERM
///     PROGRAM describe [--text|--dot|--mermaid|--topics]  prints the graph
///     PROGRAM reset LOG [--dry-run]                       deletes this application's stores, internal topics and committed offsets
///
/// LOG is `--embedded DIR`, or `--brokers HOST:PORT` for Apache Kafka (with `--client NAME=VALUE` for settings of librdkafka, as many as
/// needed, and `--instance ID` for static membership). Options of run: `--threads N` (the machine's cores if not said), `--partitions N`,
/// `--state DIR`, `--application-id ID`, `--at-least-once`: as `AppOptions` has them. `describe --topics` prints each topic with what it
/// needs on Kafka, with `--brokers HOST:PORT` also how many partitions it will have there.
KLAMM_API int main(const Topology& topology, int argc, char** argv);

}  // namespace klamm::inline v0
