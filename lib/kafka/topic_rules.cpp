#include "kafka/topic_rules.hpp"

#include <algorithm>

namespace klamm::inline v0::rdkafka {
namespace {

constexpr const char *policy = "cleanup.policy", *age = "retention.ms", *size = "retention.bytes";

std::string about(const std::string& topic) { return "topic \"" + topic + "\": "; }

// The user's settings for this topic; names are given with or without the application id.
Settings given_for(const std::string& topic, const KafkaOptions& options) {
  Settings given = options.all_topics;
  for (const auto& [name, settings] : options.topics) {
    if (name != topic && options.application_id + '-' + name != topic) continue;
    for (const auto& [setting, value] : settings) given.insert_or_assign(setting, value);
  }
  return given;
}

std::string value_of(const Settings& settings, const char* name) {
  const auto found = settings.find(name);
  return found == settings.end() ? "" : found->second;
}

bool has(const std::string& policies, const char* one) { return policies.find(one) != std::string::npos; }

}  // namespace

const char* owned_topic_setting(const std::string& name) {
  if (name == policy) return "changelogs are compacted, repartition topics are purged when their records are committed";
  if (name == age || name == size) return "klamm itself says what is not needed any more, by tombstones and purges";
  if (name == newer_topic_setting) return "records keep their own time, whatever the brokers' clocks say";
  return nullptr;
}

Settings topic_settings(const log::TopicState& topic, const KafkaOptions& options) {
  if (topic.owner == log::Owner::user) return log::compacts(topic.cleanup) ? Settings{{policy, log::policy_of(topic.cleanup)}} : Settings{};
  Settings settings = given_for(topic.name, options);
  settings.insert_or_assign(policy, log::policy_of(topic.cleanup));
  settings.insert_or_assign(age, "-1");
  settings.insert_or_assign(size, "-1");
  settings.insert_or_assign(newer_topic_setting, "9223372036854775807");
  return settings;
}

std::vector<std::string> unknown_topics(std::span<const log::TopicState> asked, const KafkaOptions& options) {
  std::string known;
  for (const log::TopicState& topic : asked) known += (known.empty() ? "" : ", ") + topic.name;
  std::vector<std::string> problems;
  for (const auto& [name, settings] : options.topics) {
    const bool there = std::any_of(asked.begin(), asked.end(), [&name = name, &options](const log::TopicState& topic) {
      return topic.name == name || topic.name == options.application_id + '-' + name;
    });
    if (!there)
      problems.push_back(".topics: \"" + name +
                         "\" is none of the application's internal topics: " + (known.empty() ? "it has none" : known));
  }
  return problems;
}

std::vector<std::string> problems_of(const log::TopicState& asked, log::Partition partitions, const Settings& found) {
  std::vector<std::string> problems;
  const auto problem = [&](const std::string& text) { problems.push_back(about(asked.name) + text); };
  const bool internal = asked.owner == log::Owner::application;
  if (partitions != asked.partitions) {
    problem("has " + std::to_string(partitions) + " partitions, not " + std::to_string(asked.partitions) +
            (internal ? ": what it is computed from has changed: give that back its count, or reset the application"
                      : ": ask for " + std::to_string(partitions)));
  }
  const std::string policies = value_of(found, policy);
  if (!internal || policies.empty()) return problems;
  const bool compacted = log::compacts(asked.cleanup);
  // In whatever order they are listed.
  if (has(policies, "compact") != compacted || has(policies, "delete") != (asked.cleanup != log::Cleanup::compact)) {
    const char* harm = compacted && !has(policies, "compact") ? "\": state would be lost"
                       : compacted && has(policies, "delete") ? "\": state could be lost"
                       : compacted                            ? "\": windows that have expired would stay in it for ever"
                                                              : "\": records with equal keys would be lost";
    problem("has cleanup.policy \"" + policies + "\", not \"" + log::policy_of(asked.cleanup) + harm +
            ": set it with kafka-configs, or reset the application");
  }
  // Compaction alone looks at neither age nor size.
  for (const char* limit : {age, size}) {
    const std::string value = value_of(found, limit);
    if (!has(policies, "delete") || value.empty() || value == "-1") continue;
    problem("has " + std::string{limit} + ' ' + value + ": records may go before they have been read: set it to -1 with kafka-configs");
  }
  return problems;
}

std::vector<std::string> differences(const log::TopicState& asked, const Settings& found, const KafkaOptions& options) {
  std::vector<std::string> lines;
  for (const auto& [name, value] : given_for(asked.name, options)) {
    const std::string has = value_of(found, name.c_str());
    if (!has.empty() && has != value)
      lines.push_back(about(asked.name) + "has " + name + ' ' + has + ", not " + value +
                      ": topics that exist are left alone, set it with kafka-configs");
  }
  return lines;
}

}  // namespace klamm::inline v0::rdkafka
