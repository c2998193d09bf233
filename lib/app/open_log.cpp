#include "app/open_log.hpp"

#include <utility>

#include "graph/build.hpp"
#include "kafka/kafka.hpp"
#include "log/embedded.hpp"

namespace klamm::inline v0 {
namespace {

using Kind = LogChoice::Kind;

constexpr int default_partitions = 4;  // of embedded logs

std::unique_ptr<log::Log> open_memory(const AppOptions& options) {
  log::MemoryOptions memory;
  memory.default_partitions = options.partitions > 0 ? options.partitions : default_partitions;
  if (options.log.retention() == Retention::until_committed) memory.retention = log::MemoryOptions::Retention::until_committed;
  memory.inlet_bytes = options.max_pending_bytes / 4;
  return log::memory_log(memory);
}

Result<std::unique_ptr<log::Log>> open_embedded(const AppOptions& options, const std::string& application_id) {
  log::EmbeddedOptions embedded;
  embedded.directory = options.log.place();
  embedded.application_id = application_id;
  embedded.new_directory_partitions = default_partitions;
  if (options.partitions > 0) embedded.default_partitions = options.partitions;
  return log::open_embedded(std::move(embedded));
}

rdkafka::Settings by_name(const Settings& settings) {
  rdkafka::Settings named;
  for (const Setting& setting : settings) named.insert_or_assign(setting.name, setting.value);
  return named;
}

}  // namespace

Status check(const AppOptions& options) {
  std::string problems;
  const auto expect = [&problems](bool ok, const char* what) {
    if (!ok) problems += std::string{problems.empty() ? "" : "\n"} + "AppOptions::" + what;
  };
  expect(options.log.kind() != Kind::none,
         "log: no log is named: set it to klamm::kafka(\"host:port\"), klamm::embedded(directory) or klamm::in_memory()");
  expect(options.threads >= 1, "threads: expected at least 1");
  expect(options.partitions >= 0, "partitions: expected a count, or 0 for what the directory has");
  expect(options.max_pending_bytes >= 64 << 10, "max_pending_bytes: expected at least 64 KiB");
  expect(options.checkpoint_bytes >= 1, "checkpoint_bytes: expected at least 1");
  expect(options.memory_bytes.value_or(0) == 0 || options.log.kind() != Kind::in_memory,
         "memory_bytes: rows leave memory for files, and klamm::in_memory() has none: leave it out, or use klamm::embedded(directory)");
  expect(options.commit_interval.value_or(Duration{}).milliseconds() >= 0, "commit_interval: must not be negative");
  expect(options.checkpoint_interval.milliseconds() >= 1, "checkpoint_interval: expected at least a millisecond");
  expect(options.standby_replicas >= 0, "standby_replicas: must not be negative");
  expect(options.standby_replicas == 0 || options.log.kind() == Kind::kafka || options.log.kind() == Kind::none,
         "standby_replicas: one process has all of an embedded log: leave it out, or use klamm::kafka(\"host:port\")");
  expect(options.watchdog.milliseconds() >= 0, "watchdog: must not be negative");
  return problems.empty() ? Status{} : Status{Code::invalid_argument, problems};
}

runtime::Settings settings_of(const AppOptions& options, const std::string& state_dir) {
  runtime::Settings settings;
  settings.on_error = {options.on_decode_error.value_or(options.on_error), options.on_process_error.value_or(options.on_error),
                       options.on_produce_error.value_or(options.on_error)};
  settings.guarantee = options.guarantee;
  settings.commit_interval = options.commit_interval.value_or(Duration{options.guarantee == Guarantee::exactly_once ? 100 : 1'000});
  settings.max_pending_bytes = options.max_pending_bytes;
  settings.watchdog = options.watchdog;
  settings.checkpoint_interval = options.checkpoint_interval;
  settings.checkpoint_bytes = options.checkpoint_bytes;
  settings.memory_bytes = options.memory_bytes;
  settings.standby_replicas = options.standby_replicas;
  settings.state_dir = state_dir;
  settings.purge_sources = options.log.retention() == Retention::until_committed;
  return settings;
}

Result<OpenedLog> open_log(const AppOptions& options, const std::string& application_id, const runtime::Logger& logger) {
  OpenedLog opened;
  opened.state_dir = options.state_dir;
  Result<std::unique_ptr<log::Log>> log = std::unique_ptr<log::Log>{};
  switch (options.log.kind()) {
    case Kind::in_memory:
      opened.state_dir.clear();
      opened.log = open_memory(options);
      return opened;
    case Kind::kafka: {
      // It is part of topics' names, and of the state directory's.
      if (!detail::valid_name(application_id))
        return Status{Code::invalid_argument, detail::bad_name("application", application_id), application_id};
      if (opened.state_dir.empty()) {
        Result<std::string> chosen = default_state_directory(application_id);
        if (!chosen.ok()) return chosen.status();
        opened.state_dir = *std::move(chosen);
      }
      Result<std::unique_ptr<StateDirectory>> state = StateDirectory::open(opened.state_dir);
      if (!state.ok()) return state.status();
      opened.state = *std::move(state);
      log = connect(options.log, application_id, opened.state->instance(), options.partitions, logger);
      break;
    }
    default:
      if (opened.state_dir.empty()) opened.state_dir = options.log.place() + "/stores";
      log = open_embedded(options, application_id);
  }
  if (!log.ok()) return log.status();
  opened.log = *std::move(log);
  return opened;
}

rdkafka::KafkaOptions client_options(const LogChoice& choice, const std::string& application_id) {
  const KafkaOptions& given = *choice.kafka();
  rdkafka::KafkaOptions options;
  options.brokers = choice.place();
  options.application_id = application_id;
  options.endpoint = given.endpoint;
  options.group_instance_id = given.group_instance_id;
  options.replication_factor = given.replication_factor;
  options.create_internal_topics = given.internal_topics == InternalTopics::create;
  options.all_topics = by_name(given.all_topics);
  for (const TopicSettings& topic : given.topics) {
    for (const auto& [name, value] : by_name(topic.settings)) options.topics[topic.topic].insert_or_assign(name, value);
  }
  options.session_timeout = given.session_timeout;
  options.heartbeat_interval = given.heartbeat_interval;
  options.transaction_timeout = given.transaction_timeout;
  options.request_timeout = given.request_timeout;
  options.client = by_name(given.client);
  options.consumer = by_name(given.consumer);
  options.producer = by_name(given.producer);
  options.admin = by_name(given.admin);
  return options;
}

Result<std::unique_ptr<log::Log>> connect(const LogChoice& choice, const std::string& application_id, const std::string& instance,
                                          int partitions, const runtime::Logger& logger) {
  rdkafka::KafkaOptions options = client_options(choice, application_id);
  options.instance = instance;
  options.default_partitions = partitions;
  options.log_sink = [logger](Level level, std::string_view message) { logger(level, "kafka", message); };
  return rdkafka::open_kafka(std::move(options));
}

}  // namespace klamm::inline v0
