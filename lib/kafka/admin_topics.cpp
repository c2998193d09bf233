#include <algorithm>
#include <chrono>
#include <thread>

#include "kafka/admin.hpp"

namespace klamm::inline v0::rdkafka {
namespace {

constexpr int purge_patience_ms = 2'000;  // the thread that purges has other work; what fails comes with the next purge

std::string about(const std::string& topic) { return "topic \"" + topic + "\""; }

}  // namespace

Result<std::unique_ptr<Admin>> Admin::connect(Cluster& cluster, Callbacks& callbacks) {
  std::unique_ptr<Admin> admin{new Admin{cluster}};
  auto handle = make_handle(Kind::admin, cluster, callbacks);
  if (!handle.ok()) return handle.status();
  admin->handle_ = std::move(*handle);
  return admin;
}

Admin::~Admin() = default;

Admin::Options Admin::options(rd_kafka_admin_op_t operation) const {
  Options options{rd_kafka_AdminOptions_new(handle_.get(), operation)};
  char reason[256];
  // Questions to a group's coordinator never run out of time in librdkafka: when one does while the brokers are away, 2.0.2 ends the
  // process with an assertion (enq_once). `ask` gives up in time, and nobody hears a late answer.
  const bool asks_coordinator =
      operation == RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS || operation == RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS;
  constexpr int an_hour = 3'600'000;
  static_cast<void>(
      rd_kafka_AdminOptions_set_request_timeout(options.get(), asks_coordinator ? an_hour : cluster_.timeout_ms(), reason, sizeof reason));
  return options;
}

bool Admin::reachable(int timeout_ms) {
  const rd_kafka_metadata_t* found = nullptr;
  const auto code = rd_kafka_metadata(handle_.get(), 0, nullptr, &found, timeout_ms);
  const Metadata metadata{found};
  return code == RD_KAFKA_RESP_ERR_NO_ERROR && metadata->broker_cnt > 0;
}

Result<log::Partition> Admin::partitions(const std::string& topic) {
  const TopicHandle handle{rd_kafka_topic_new(handle_.get(), topic.c_str(), nullptr)};
  if (handle == nullptr) return Status{Code::invalid_argument, about(topic) + ": is no name for a topic", topic};
  const rd_kafka_metadata_t* found = nullptr;
  auto code =
      cluster_.away() ? RD_KAFKA_RESP_ERR__TRANSPORT : rd_kafka_metadata(handle_.get(), 0, handle.get(), &found, cluster_.timeout_ms());
  const Metadata metadata{found};
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR && metadata->topic_cnt != 1) code = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) code = metadata->topics[0].err;
  if (code_of(code) == Code::not_found) return log::Partition{0};
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return cluster_.status(failure_of(code), about(topic) + ": can't be looked up", topic);
  const auto* const begin = metadata->topics[0].partitions;
  const bool led = std::all_of(begin, begin + metadata->topics[0].partition_cnt, [](const auto& each) { return each.leader >= 0; });
  if (!led) {
    return cluster_.status(failure_of(RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE), about(topic) + ": has a partition without a leader", topic);
  }
  return log::Partition{metadata->topics[0].partition_cnt};
}

Result<std::optional<TopicInfo>> Admin::topic(const std::string& name) {
  auto count = partitions(name);
  if (!count.ok()) return count.status();
  if (*count == 0) return std::optional<TopicInfo>{};
  TopicInfo info{.state = {.name = name, .partitions = *count}, .max_message_bytes = {}};
  describe(info);
  return std::optional{std::move(info)};
}

// Who may not describe a topic may still read and write it.
void Admin::describe(TopicInfo& topic) {
  auto* resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.state.name.c_str());
  const auto wanted = options(RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
  auto event = ask(about(topic.state.name) + ": can't be described", topic.state.name,
                   [&](rd_kafka_queue_t* queue) { rd_kafka_DescribeConfigs(handle_.get(), &resource, 1, wanted.get(), queue); });
  rd_kafka_ConfigResource_destroy(resource);
  if (!event.ok()) return cluster_.line(Level::warning, event.status().message());
  std::size_t count = 0;
  const auto* const* resources = rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event->get()), &count);
  if (count != 1) return;
  if (const auto code = rd_kafka_ConfigResource_error(resources[0]); code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return cluster_.line(Level::warning, cluster_.status(failure_of(code), about(topic.state.name) + ": can't be described", "").message());
  }
  const auto* const* entries = rd_kafka_ConfigResource_configs(resources[0], &count);
  bool set_by_broker = false;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string name = rd_kafka_ConfigEntry_name(entries[i]);
    const char* value = rd_kafka_ConfigEntry_value(entries[i]);
    if (value == nullptr) continue;
    topic.settings.insert_or_assign(name, value);
    if (name == "cleanup.policy" && std::string{value}.find("compact") != std::string::npos) {
      const bool purged = std::string{value}.find("delete") != std::string::npos;
      topic.state.cleanup = purged ? log::Cleanup::compact_and_purge : log::Cleanup::compact;
    }
    if (name == "max.message.bytes") topic.max_message_bytes = std::stoull(value);
    if (name == "message.timestamp.before.max.ms") topic.timestamps_before_ms = std::stoll(value);
    if (name == "message.timestamp.after.max.ms") topic.timestamps_after_ms = std::stoll(value);
    if (name == "message.timestamp.type") set_by_broker = std::string_view{value} == "LogAppendTime";
  }
  if (set_by_broker) topic.timestamps_before_ms = topic.timestamps_after_ms = {};
}

// Until the topic has at least (for 0: at most) so many partitions.
Status Admin::wait_for(const std::string& topic, log::Partition wanted) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds{cluster_.timeout_ms()};
  for (;;) {
    auto count = partitions(topic);
    if (count.ok() && (wanted == 0 ? *count == 0 : *count >= wanted)) return {};
    if (!count.ok() && count.status().code() != Code::unavailable) return count.status();
    if (std::chrono::steady_clock::now() > until) {
      return count.ok() ? Status{Code::unavailable, about(topic) + ": the brokers do not agree on it yet: try again", topic}
                        : count.status();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
}

Status Admin::remove(std::span<const std::string> topics) {
  for (const std::string& name : topics) {
    const std::string what = about(name) + ": can't be removed";
    const auto wanted = options(RD_KAFKA_ADMIN_OP_DELETETOPICS);
    rd_kafka_DeleteTopic_t* one = rd_kafka_DeleteTopic_new(name.c_str());
    auto event = ask(what, name, [&](rd_kafka_queue_t* queue) { rd_kafka_DeleteTopics(handle_.get(), &one, 1, wanted.get(), queue); });
    rd_kafka_DeleteTopic_destroy(one);
    if (!event.ok()) return event.status();
    std::size_t count = 0;
    const auto* const* results = rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event->get()), &count);
    const auto code = count == 1 ? rd_kafka_topic_result_error(results[0]) : RD_KAFKA_RESP_ERR__FAIL;
    if (code_of(code) == Code::not_found) continue;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return cluster_.status(failure_of(code), what, name);
    if (Status status = wait_for(name, 0); !status.ok()) return status;
  }
  return {};
}

Status Admin::purge(const std::map<log::TopicPartition, log::Offset>& before) {
  if (before.empty()) return {};
  const PartitionList list{rd_kafka_topic_partition_list_new(static_cast<int>(before.size()))};
  for (const auto& [tp, offset] : before) rd_kafka_topic_partition_list_add(list.get(), tp.topic.c_str(), tp.partition)->offset = offset;
  auto* request = rd_kafka_DeleteRecords_new(list.get());
  const auto wanted = options(RD_KAFKA_ADMIN_OP_DELETERECORDS);
  auto event = ask(
      "records can't be deleted", before.begin()->first.topic,
      [&](rd_kafka_queue_t* queue) { rd_kafka_DeleteRecords(handle_.get(), &request, 1, wanted.get(), queue); }, purge_patience_ms);
  rd_kafka_DeleteRecords_destroy(request);
  if (!event.ok()) return event.status();
  const auto* done = rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event->get()));
  for (int i = 0; i < done->cnt; ++i) {
    const auto& one = done->elems[i];
    if (one.err == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    const log::TopicPartition tp{one.topic, one.partition};
    return cluster_.status(failure_of(one.err), "partition " + to_string(tp) + ": records can't be deleted", tp.topic);
  }
  return {};
}

Result<log::Bounds> Admin::bounds(const log::TopicPartition& tp) {
  auto count = partitions(tp.topic);
  if (!count.ok()) return count.status();
  if (*count == 0) return Status{Code::not_found, about(tp.topic) + ": does not exist", tp.topic};
  if (tp.partition < 0 || tp.partition >= *count) {
    return Status{
        Code::not_found,
        about(tp.topic) + ": has partitions 0 to " + std::to_string(*count - 1) + ", no partition " + std::to_string(tp.partition),
        tp.topic};
  }
  log::Bounds bounds;
  const auto code =
      rd_kafka_query_watermark_offsets(handle_.get(), tp.topic.c_str(), tp.partition, &bounds.begin, &bounds.end, cluster_.timeout_ms());
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
    return cluster_.status(failure_of(code), "partition " + to_string(tp) + ": its begin and end can't be learned", tp.topic);
  return bounds;
}

}  // namespace klamm::inline v0::rdkafka
