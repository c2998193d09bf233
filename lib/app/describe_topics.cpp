#include "app/describe_topics.hpp"

#include <algorithm>

#include "app/open_log.hpp"
#include "app/stderr_log.hpp"
#include "graph/build.hpp"
#include "graph/graph.hpp"
#include "runtime/plan.hpp"

namespace klamm::inline v0 {
namespace {

class Lines {
 public:
  explicit Lines(const rdkafka::KafkaOptions& options) : options_{options} {}

  void add(const log::TopicState& topic, const char* what) {
    text_ += topic.name + "  " + what;
    if (topic.partitions > 0) text_ += "  partitions=" + std::to_string(topic.partitions);
    for (const auto& [name, value] : rdkafka::topic_settings(topic, options_)) text_ += "  " + name + '=' + value;
    text_ += '\n';
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  const rdkafka::KafkaOptions& options_;
  std::string text_;
};

/// The counts as a start on the cluster would decide them.
Result<runtime::Plan> plan_on(const Topology& topology, const DescribeTopics& options, const std::string& id) {
  const runtime::Logger logger{stderr_log(), ports::system_clock()};
  Result<std::unique_ptr<log::Log>> log = connect(options.log, id, "", options.partitions, logger);
  if (!log.ok()) return log.status();
  return runtime::make_plan(topology.graph(), id, options.partitions, **log);
}

}  // namespace

Result<std::string> describe_topics(const Topology& topology, const DescribeTopics& options) {
  const detail::Graph& graph = topology.graph();
  const std::string id = options.application_id.empty() ? graph.name : options.application_id;
  if (!detail::valid_name(id)) return Status{Code::invalid_argument, detail::bad_name("application", id), id};
  const bool on_kafka = options.log.kind() == LogChoice::Kind::kafka;
  const rdkafka::KafkaOptions settings = on_kafka ? client_options(options.log, id) : rdkafka::KafkaOptions{.application_id = id};
  runtime::Plan plan;
  if (on_kafka) {
    Result<runtime::Plan> made = plan_on(topology, options, id);
    if (!made.ok()) return made.status();
    plan = *std::move(made);
  }
  Lines lines{settings};
  for (std::size_t i = 0; i < graph.topics.size(); ++i) {
    const detail::TopicEntry& topic = graph.topics[i];
    const log::Owner owner = topic.cls == detail::TopicClass::repartition ? log::Owner::application : log::Owner::user;
    const log::Partition count = on_kafka ? plan.partition_counts[i] : topic.info.partitions;
    lines.add({runtime::full_name(graph, topic, id), count, log::Cleanup::keep, owner}, detail::to_string(topic.cls));
  }
  for (const detail::StoreEntry& store : graph.stores) {
    if (store.source_topic >= 0) continue;
    log::TopicState changelog{id + '-' + store.name + "-changelog", 0, runtime::changelog_cleanup(store), log::Owner::application};
    const auto known = std::find_if(plan.internal_topics.begin(), plan.internal_topics.end(),
                                    [&](const log::TopicState& topic) { return topic.name == changelog.name; });
    if (known != plan.internal_topics.end()) changelog.partitions = known->partitions;
    lines.add(changelog, "changelog");
  }
  return lines.text();
}

}  // namespace klamm::inline v0
