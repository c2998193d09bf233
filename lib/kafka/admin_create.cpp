#include "kafka/admin.hpp"
#include "kafka/topic_rules.hpp"

namespace klamm::inline v0::rdkafka {
namespace {

using NewTopic = std::unique_ptr<rd_kafka_NewTopic_t, Destroy<rd_kafka_NewTopic_destroy>>;

/// As `describe --topics` prints it.
std::string described(const log::TopicState& topic, const Settings& settings) {
  std::string text = topic.name + "  partitions=" + std::to_string(topic.partitions);
  for (const auto& [name, value] : settings) text += "  " + name + '=' + value;
  return text;
}

Status joined(const std::vector<std::string>& problems) {
  std::string text;
  for (const std::string& problem : problems) text += (text.empty() ? "" : "\n") + problem;
  return text.empty() ? Status{} : Status{Code::failed_precondition, text};
}

}  // namespace

Status Admin::create(std::span<const log::TopicState> topics) {
  const KafkaOptions& options = cluster_.options();
  std::vector<std::string> problems, missing;
  const bool internal = std::any_of(topics.begin(), topics.end(), [](const auto& each) { return each.owner == log::Owner::application; });
  // That of long marks is made later than the others, and alone.
  const bool marks = topics.size() == 1 && topics.front().name == cluster_.marks_topic();
  if (internal && !marks) problems = unknown_topics(topics, options);
  for (const log::TopicState& asked : topics) {
    auto found = topic(asked.name);
    if (!found.ok()) return found.status();
    if (!*found) {
      const Settings settings = topic_settings(asked, options);
      if (asked.owner == log::Owner::application && !options.create_internal_topics) {
        missing.push_back(described(asked, settings));
        continue;
      }
      const Status made = create_one(asked, settings);
      if (made.ok()) continue;
      if (made.code() != Code::already_exists) return made;
      // What somebody else has made is to be as asked for all the same.
      if (found = topic(asked.name); !found.ok()) return found.status();
      if (!*found) return {Code::unavailable, "topic \"" + asked.name + "\": was removed while it was created", asked.name};
    }
    const std::vector<std::string> wrong = problems_of(asked, (*found)->state.partitions, (*found)->settings);
    problems.insert(problems.end(), wrong.begin(), wrong.end());
    for (const std::string& line : differences(asked, (*found)->settings, options)) cluster_.line(Level::warning, line);
  }
  if (!missing.empty()) {
    problems.push_back(
        "the application may not create its internal topics (internal_topics = require), and these are missing; `describe --topics` prints "
        "them all:");
    problems.insert(problems.end(), missing.begin(), missing.end());
  }
  return joined(problems);
}

Status Admin::create_one(const log::TopicState& topic, const Settings& settings) {
  const std::string what = "topic \"" + topic.name + "\": can't be created";
  char reason[512] = "";
  NewTopic one{rd_kafka_NewTopic_new(topic.name.c_str(), topic.partitions, cluster_.options().replication_factor, reason, sizeof reason)};
  if (one == nullptr) return {Code::invalid_argument, what + ": " + reason, topic.name};
  for (const auto& [name, value] : settings) rd_kafka_NewTopic_set_config(one.get(), name.c_str(), value.c_str());
  const auto wanted = options(RD_KAFKA_ADMIN_OP_CREATETOPICS);
  rd_kafka_NewTopic_t* const raw = one.get();
  auto event = ask(what, topic.name, [&](rd_kafka_queue_t* queue) {
    rd_kafka_NewTopic_t* list[] = {raw};
    rd_kafka_CreateTopics(handle_.get(), list, 1, wanted.get(), queue);
  });
  if (!event.ok()) return event.status();
  std::size_t count = 0;
  const auto* const* results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event->get()), &count);
  Failure failure = failure_of(count == 1 ? rd_kafka_topic_result_error(results[0]) : RD_KAFKA_RESP_ERR__FAIL);
  if (const char* words = count == 1 ? rd_kafka_topic_result_error_string(results[0]) : nullptr; words != nullptr) failure.text = words;
  if (failure.code == RD_KAFKA_RESP_ERR_INVALID_CONFIG && settings.contains(newer_topic_setting) &&
      failure.text.find(newer_topic_setting) != std::string::npos) {
    Settings older = settings;
    older.erase(newer_topic_setting);
    return create_one(topic, older);
  }
  if (failure.ok() || failure.code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
    if (Status status = wait_for(topic.name, 1); !status.ok()) return status;
  }
  return cluster_.status(failure, what, topic.name);
}

}  // namespace klamm::inline v0::rdkafka
