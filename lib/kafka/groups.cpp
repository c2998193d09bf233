#include "kafka/groups.hpp"

#include <cstring>

#include "kafka/base64.hpp"

namespace klamm::inline v0::rdkafka {
namespace {

constexpr int join_group = 11;                // the API key of JoinGroup
constexpr std::size_t metadata_limit = 4096;  // offset.metadata.max.bytes of brokers

bool not_ours(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION || code == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID ||
         code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID || code == RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST;
}

}  // namespace

Result<PartitionList> to_list(const std::vector<log::OffsetCommit>& offsets, const std::string& group) {
  PartitionList list{rd_kafka_topic_partition_list_new(static_cast<int>(offsets.size()))};
  for (const auto& [input, committed] : offsets) {
    auto* one = rd_kafka_topic_partition_list_add(list.get(), input.topic.c_str(), input.partition);
    one->offset = committed.offset;
    if (committed.metadata.empty()) continue;
    const std::string text = to_base64(committed.metadata);
    if (text.size() > metadata_limit) {
      return Status{Code::failed_precondition,
                    "group \"" + group + "\": the commit mark of " + to_string(input) + " needs " + std::to_string(text.size()) +
                        " characters, brokers keep " + std::to_string(metadata_limit) +
                        ": use fewer tables and windows in one sub-topology",
                    group};
    }
    one->metadata = ::strdup(text.c_str());  // the list frees it
    one->metadata_size = text.size();
  }
  return list;
}

void Seat::requested(int api_key) {
  if (api_key == join_group) joining = true;
}

bool Groups::enter(const std::string& group, const std::shared_ptr<Seat>& seat) {
  const std::lock_guard lock{mutex_};
  Entry& entry = entries_[group];
  if (entry.seat != nullptr) return false;
  entry.seat = seat;
  return true;
}

void Groups::leave(const std::string& group) {
  const std::lock_guard lock{mutex_};
  Entry& entry = entries_[group];
  if (entry.seat == nullptr) return;
  entry.last.reset(rd_kafka_consumer_group_metadata(entry.seat->handle.get()));
  entry.seat.reset();
}

GroupMetadata Groups::metadata(const std::string& group) {
  const std::lock_guard lock{mutex_};
  const auto found = entries_.find(group);
  if (found != entries_.end()) {
    if (found->second.seat != nullptr) return GroupMetadata{rd_kafka_consumer_group_metadata(found->second.seat->handle.get())};
    if (found->second.last != nullptr) {
      void* bytes = nullptr;
      std::size_t size = 0;
      rd_kafka_consumer_group_metadata_t* copy = nullptr;
      const Error failed{rd_kafka_consumer_group_metadata_write(found->second.last.get(), &bytes, &size)};
      if (failed == nullptr) {
        const Error unread{rd_kafka_consumer_group_metadata_read(&copy, bytes, size)};
        rd_kafka_mem_free(nullptr, bytes);
        if (unread == nullptr) return GroupMetadata{copy};
      }
    }
  }
  return GroupMetadata{rd_kafka_consumer_group_metadata_new(group.c_str())};
}

std::shared_ptr<Seat> Groups::seat(const std::string& group, bool* known) {
  const std::lock_guard lock{mutex_};
  const auto found = entries_.find(group);
  *known = found != entries_.end();
  return *known ? found->second.seat : nullptr;
}

Status Groups::commit(const std::string& group, const std::vector<log::OffsetCommit>& offsets, const std::atomic<bool>& stopping) {
  bool known = false;
  const auto seat = this->seat(group, &known);
  if (seat == nullptr && !known) return admin_.commit(group, offsets);
  const std::string what = "group \"" + group + "\": the offsets can't be committed";
  if (seat == nullptr) return {Code::aborted, what + ": this process has left it", group};
  if (seat->joining && !seat->revoking) return {Code::unavailable, what + ": members are joining", group};
  auto list = to_list(offsets, group);
  if (!list.ok()) return list.status();

  const Queue queue{rd_kafka_queue_new(seat->handle.get())};
  auto code = rd_kafka_commit_queue(seat->handle.get(), list->get(), queue.get(), nullptr, nullptr);
  Event event;
  while (code == RD_KAFKA_RESP_ERR_NO_ERROR && event == nullptr) {
    if (stopping) return {Code::unavailable, what + ": was stopped", group};
    event.reset(rd_kafka_queue_poll(queue.get(), 100));
  }
  if (event != nullptr) {
    code = rd_kafka_event_error(event.get());
    const auto* each = rd_kafka_event_topic_partition_list(event.get());
    for (int i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && each != nullptr && i < each->cnt; ++i) code = each->elems[i].err;
  }
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  if (not_ours(code)) return {Code::aborted, cluster_.status(failure_of(code), what, group).message(), group};
  return cluster_.status(failure_of(code), what, group);
}

}  // namespace klamm::inline v0::rdkafka
