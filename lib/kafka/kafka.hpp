#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "klamm/logging.hpp"
#include "klamm/time.hpp"
#include "log/log.hpp"

namespace klamm::inline v0::rdkafka {

/// Settings of librdkafka by name, as its CONFIGURATION.md has them.
using Settings = std::map<std::string, std::string>;

struct KafkaOptions {
  std::string brokers{};         ///< `host:port`, several with commas
  std::string application_id{};  ///< told to the brokers, for people and other instances to read
  /// Who this process is among those of the application: the same after a restart, never the same in two processes at a time. Part of its
  /// transactional ids, so that it ends what it left open when it comes back.
  std::string instance{};
  std::string endpoint{};           ///< where other instances reach this one; seen by them as part of the client id
  std::string group_instance_id{};  ///< static membership if not empty

  log::Partition default_partitions = 1;     ///< of topics that do not say their own count
  int replication_factor = -1;               ///< of the topics that are made; -1: the broker's default
  bool create_internal_topics = true;        ///< else `create` lists those that are missing
  Settings all_topics{};                     ///< Kafka's settings of internal topics
  std::map<std::string, Settings> topics{};  ///< of single ones, by name with or without the application id; they win

  Duration session_timeout{45'000};                 ///< must outlive a restart of a broker
  Duration heartbeat_interval{500};                 ///< a moved partition stands still for two of them
  Duration transaction_timeout{10'000};             ///< what a new owner waits for at most when this process dies in a transaction
  Duration request_timeout{10'000};                 ///< how long a call waits for an answer before it is `unavailable`
  std::size_t inlet_bytes = std::size_t{64} << 20;  ///< of each inlet, from where on `send` blocks

  /// Passed on to librdkafka: to all handles, and to those that read, that write, that administrate.
  Settings client{}, consumer{}, producer{}, admin{};
  /// Gets librdkafka's lines, from its threads. May be empty.
  std::function<void(Level, std::string_view message)> log_sink{};
};

/// Connects to a Kafka cluster. Checks all settings at once and fails with a message for each that is wrong; waits for a broker
/// two seconds at most: `connected` says whether there is one. Readers, producers, inlets and members must be gone before the log is.
Result<std::unique_ptr<log::Log>> open_kafka(KafkaOptions options);

/// The settings a topic is made with.
Settings topic_settings(const log::TopicState& topic, const KafkaOptions& options);

}  // namespace klamm::inline v0::rdkafka
