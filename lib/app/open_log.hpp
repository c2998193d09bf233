#pragma once

#include <memory>
#include <string>

#include "app/state_directory.hpp"
#include "kafka/kafka.hpp"
#include "klamm/app.hpp"
#include "klamm/kafka.hpp"
#include "log/log.hpp"
#include "runtime/environment.hpp"
#include "runtime/logger.hpp"

namespace klamm::inline v0 {

/// What is wrong with the options, a line each.
Status check(const AppOptions& options);

/// How the runtime works with these options; `state_dir` is where the stores are, empty on a log in memory.
runtime::Settings settings_of(const AppOptions& options, const std::string& state_dir);

/// The log that the options name, and the directory of the stores.
struct OpenedLog {
  std::unique_ptr<StateDirectory> state;  ///< on Kafka; an embedded log's own lock covers its stores
  std::unique_ptr<log::Log> log;
  std::string state_dir;
};
/// Does not wait for brokers that are away.
Result<OpenedLog> open_log(const AppOptions& options, const std::string& application_id, const runtime::Logger& logger);

/// What the user has chosen, for the log port.
rdkafka::KafkaOptions client_options(const LogChoice& choice, const std::string& application_id);

/// Connects to a cluster as this instance of the application; `instance` may be empty for who writes nothing in its name.
Result<std::unique_ptr<log::Log>> connect(const LogChoice& choice, const std::string& application_id, const std::string& instance,
                                          int partitions, const runtime::Logger& logger);

}  // namespace klamm::inline v0
