#pragma once

#include <string>
#include <vector>

#include "klamm/api.hpp"
#include "klamm/log_choice.hpp"
#include "klamm/time.hpp"

namespace klamm::inline v0 {

/// A setting by its own name, as librdkafka or Kafka document it: `{"fetch.wait.max.ms", "10"}`.
struct Setting {
  std::string name;
  std::string value;
};
using Settings = std::vector<Setting>;

/// Settings for one internal topic. `topic` with or without the application id: `counts-changelog`.
struct TopicSettings {
  std::string topic;
  Settings settings;
};

/// Who makes an application's internal topics (repartition topics and changelogs).
enum class InternalTopics : bool {
  require,  ///< somebody else: start is an error that lists all that is missing or wrong; `describe --topics` prints what to create
  create,   ///< the application, with what it needs; those that exist are checked
};

/// How an application works with a Kafka cluster. What is wrong with it, start reports all together.
struct KafkaOptions {
  InternalTopics internal_topics = InternalTopics::create;
  int replication_factor = -1;  ///< of the topics that are made; -1: the brokers' default
  /// Kafka's own settings of internal topics (`segment.ms`, `min.insync.replicas`, …) when they are made: of all, and of single ones, which
  /// win. Those that state rests on (`cleanup.policy`, `retention.ms`, `retention.bytes`, `message.timestamp.after.max.ms`) can't be set.
  Settings all_topics{};
  std::vector<TopicSettings> topics{};

  /// A name for this process that it keeps when it starts again, and that no other has (static membership): a restart within the session
  /// time-out moves no partition then. Its price: a process that stops for good is missed only after that time-out.
  std::string group_instance_id{};
  std::string endpoint{};  ///< `host:port` where other instances reach this one; seen by them in the group

  Duration session_timeout{45'000};      ///< a process that is silent for so long is out; must outlive a restart of a broker
  Duration heartbeat_interval{500};      ///< a partition that moves stands still for two of them
  Duration transaction_timeout{10'000};  ///< under exactly once: what others wait for at most when this process dies while it commits
  Duration request_timeout{10'000};      ///< how long a call waits for the brokers' answer before it counts them as away

  /// librdkafka's settings, which are passed on: of all clients, of those that read, write, administrate. Those that klamm's guarantees
  /// rest on are refused, with the option to use instead.
  Settings client{}, consumer{}, producer{}, admin{};
};

/// Apache Kafka: `klamm::kafka("host:9092")`, several brokers with commas. Brokers that are away are waited for.
KLAMM_API LogChoice kafka(std::string brokers, KafkaOptions options = {});

}  // namespace klamm::inline v0
