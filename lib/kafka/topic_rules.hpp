#pragma once

#include <string>
#include <vector>

#include "kafka/kafka.hpp"

namespace klamm::inline v0::rdkafka {

/// A setting of topics that brokers before 3.6 don't know; they refuse no time that is ahead of them.
constexpr const char* newer_topic_setting = "message.timestamp.after.max.ms";

/// What to use instead of a setting of topics that state rests on; null: the user may change it.
const char* owned_topic_setting(const std::string& name);

/// Settings given for topics that the application does not have, a sentence each. `asked`: all internal topics.
std::vector<std::string> unknown_topics(std::span<const log::TopicState> asked, const KafkaOptions& options);

/// What is wrong with a topic that exists, a sentence each: where it would lose records or tear tasks apart. `found` are its settings, as
/// far as they could be read.
std::vector<std::string> problems_of(const log::TopicState& asked, log::Partition partitions, const Settings& found);

/// Settings of an internal topic that differ from what the user has asked for: nothing is lost by them.
std::vector<std::string> differences(const log::TopicState& asked, const Settings& found, const KafkaOptions& options);

}  // namespace klamm::inline v0::rdkafka
