#include "kafka/admin.hpp"
#include "kafka/groups.hpp"

namespace klamm::inline v0::rdkafka {

Status Admin::list_offsets(const std::string& group, rd_kafka_topic_partition_list_t* partitions, int stable,
                           const std::function<Status(const rd_kafka_topic_partition_list_t*)>& take) {
  const std::string what = "group \"" + group + "\": its committed offsets can't be read";
  auto* request = rd_kafka_ListConsumerGroupOffsets_new(group.c_str(), partitions);
  const auto wanted = options(RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS);
  const Failure unable = failure_of(rd_kafka_AdminOptions_set_require_stable_offsets(wanted.get(), stable));
  if (!unable.ok()) {
    rd_kafka_ListConsumerGroupOffsets_destroy(request);
    return cluster_.status(unable, what, group);
  }
  auto event = ask(what, group,
                   [&](rd_kafka_queue_t* queue) { rd_kafka_ListConsumerGroupOffsets(handle_.get(), &request, 1, wanted.get(), queue); });
  rd_kafka_ListConsumerGroupOffsets_destroy(request);
  if (!event.ok()) return event.status();
  std::size_t count = 0;
  const auto* const* groups =
      rd_kafka_ListConsumerGroupOffsets_result_groups(rd_kafka_event_ListConsumerGroupOffsets_result(event->get()), &count);
  if (count != 1) return {Code::internal, what + ": the answer is empty", group};
  if (const auto* error = rd_kafka_group_result_error(groups[0]); error != nullptr)
    return cluster_.status({.code = rd_kafka_error_code(error), .text = rd_kafka_error_string(error)}, what, group);
  return take(rd_kafka_group_result_partitions(groups[0]));
}

Result<std::vector<std::optional<Admin::Kept>>> Admin::committed(const std::string& group,
                                                                 std::span<const log::TopicPartition> partitions) {
  std::vector<std::optional<Kept>> result(partitions.size());
  if (partitions.empty()) return result;
  const PartitionList list{rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size()))};
  for (const auto& tp : partitions) rd_kafka_topic_partition_list_add(list.get(), tp.topic.c_str(), tp.partition);
  const Status status = list_offsets(group, list.get(), 1, [&](const rd_kafka_topic_partition_list_t* found) -> Status {
    for (std::size_t i = 0; i < partitions.size(); ++i) {
      const auto& tp = partitions[i];
      const auto* one = rd_kafka_topic_partition_list_find(found, tp.topic.c_str(), tp.partition);
      if (one == nullptr) continue;
      if (one->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return cluster_.status(failure_of(one->err), "group \"" + group + "\": its committed offsets can't be read for " + to_string(tp),
                               group);
      }
      if (one->offset < 0) continue;
      auto metadata = OffsetMetadata::decode({static_cast<const char*>(one->metadata), one->metadata_size});
      if (!metadata) {
        return {Code::failed_precondition,
                "group \"" + group + "\": the offset of " + to_string(tp) +
                    " was committed by another program: give klamm an application id of its own, or reset the group",
                group};
      }
      result[i] = Kept{one->offset, *std::move(metadata)};
    }
    return {};
  });
  if (!status.ok()) return status;
  return result;
}

Result<std::vector<Admin::Signed>> Admin::signatures(const std::string& group) {
  std::vector<Signed> result;
  const Status status = list_offsets(group, nullptr, 0, [&](const rd_kafka_topic_partition_list_t* found) -> Status {
    for (int i = 0; i < found->cnt; ++i) {
      const auto& one = found->elems[i];
      auto metadata = OffsetMetadata::decode({static_cast<const char*>(one.metadata), one.metadata_size});
      if (metadata && !metadata->signature.producers.empty())
        result.push_back({{one.topic, one.partition}, std::move(metadata->signature)});
    }
    return {};
  });
  if (!status.ok()) return status;
  return result;
}

Status Admin::describe(const std::string& group, const std::function<void(const rd_kafka_MemberDescription_t*)>& each) {
  const std::string what = "group \"" + group + "\": can't be described";
  const char* const names[] = {group.c_str()};
  const auto wanted = options(RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS);
  auto event = ask(what, group, [&](rd_kafka_queue_t* queue) {
    rd_kafka_DescribeConsumerGroups(handle_.get(), const_cast<const char**>(names), 1, wanted.get(), queue);
  });
  if (!event.ok()) return event.status();
  std::size_t count = 0;
  const auto* const* groups =
      rd_kafka_DescribeConsumerGroups_result_groups(rd_kafka_event_DescribeConsumerGroups_result(event->get()), &count);
  if (count != 1) return Status{Code::internal, what + ": the answer is empty", group};
  if (const auto* error = rd_kafka_ConsumerGroupDescription_error(groups[0]); error != nullptr)
    return cluster_.status({.code = rd_kafka_error_code(error), .text = rd_kafka_error_string(error)}, what, group);
  for (std::size_t i = 0; i < rd_kafka_ConsumerGroupDescription_member_count(groups[0]); ++i)
    each(rd_kafka_ConsumerGroupDescription_member(groups[0], i));
  return {};
}

Result<std::set<std::string>> Admin::instances(const std::string& group) {
  std::set<std::string> instances;
  const Status status = describe(group, [&](const rd_kafka_MemberDescription_t* member) {
    const std::string client = rd_kafka_MemberDescription_client_id(member);
    instances.insert(client.substr(client.rfind('|') + 1));
  });
  if (!status.ok()) return status;
  return instances;
}

Result<std::vector<log::GroupMember>> Admin::members(const std::string& group, const std::string& self) {
  std::vector<log::GroupMember> members;
  const Status status = describe(group, [&](const rd_kafka_MemberDescription_t* member) {
    log::GroupMember& one = members.emplace_back();
    one.id = rd_kafka_MemberDescription_consumer_id(member);
    one.self = one.id == self;
    const auto* list = rd_kafka_MemberAssignment_partitions(rd_kafka_MemberDescription_assignment(member));
    for (int p = 0; list != nullptr && p < list->cnt; ++p) one.partitions.push_back({list->elems[p].topic, list->elems[p].partition});
  });
  if (!status.ok()) return status;
  return members;
}

Status Admin::commit(const GroupCommit& commit) {
  const std::string& group = commit.group;
  const std::string what = "group \"" + group + "\": the offsets can't be committed";
  auto list = commit.list();
  if (!list.ok()) return list.status();
  auto* request = rd_kafka_AlterConsumerGroupOffsets_new(group.c_str(), list->get());
  const auto wanted = options(RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS);
  auto event = ask(what, group,
                   [&](rd_kafka_queue_t* queue) { rd_kafka_AlterConsumerGroupOffsets(handle_.get(), &request, 1, wanted.get(), queue); });
  rd_kafka_AlterConsumerGroupOffsets_destroy(request);
  if (!event.ok()) return event.status();
  std::size_t count = 0;
  const auto* const* groups =
      rd_kafka_AlterConsumerGroupOffsets_result_groups(rd_kafka_event_AlterConsumerGroupOffsets_result(event->get()), &count);
  if (count != 1) return {Code::internal, what + ": the answer is empty", group};
  if (const auto* error = rd_kafka_group_result_error(groups[0]); error != nullptr)
    return cluster_.status({.code = rd_kafka_error_code(error), .text = rd_kafka_error_string(error)}, what, group);
  const auto* each = rd_kafka_group_result_partitions(groups[0]);
  for (int i = 0; each != nullptr && i < each->cnt; ++i) {
    const auto code = each->elems[i].err;
    // Somebody else has joined: whoever is not a member may not commit.
    if (code == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID) return {Code::aborted, what + ": it has members", group};
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return cluster_.status(failure_of(code), what, group);
  }
  return {};
}

Status Admin::forget(const std::string& group) {
  const std::string what = "group \"" + group + "\": can't be forgotten";
  auto* request = rd_kafka_DeleteGroup_new(group.c_str());
  const auto wanted = options(RD_KAFKA_ADMIN_OP_DELETEGROUPS);
  auto event = ask(what, group, [&](rd_kafka_queue_t* queue) { rd_kafka_DeleteGroups(handle_.get(), &request, 1, wanted.get(), queue); });
  rd_kafka_DeleteGroup_destroy(request);
  if (!event.ok()) return event.status();
  std::size_t count = 0;
  const auto* const* groups = rd_kafka_DeleteGroups_result_groups(rd_kafka_event_DeleteGroups_result(event->get()), &count);
  const auto* error = count == 1 ? rd_kafka_group_result_error(groups[0]) : nullptr;
  if (error == nullptr) return {};
  const auto code = rd_kafka_error_code(error);
  if (code == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND) return {};
  if (code == RD_KAFKA_RESP_ERR_NON_EMPTY_GROUP) {
    return {Code::failed_precondition, "group \"" + group + "\": has members: stop the application everywhere, then try again", group};
  }
  return cluster_.status({.code = code, .text = rd_kafka_error_string(error)}, what, group);
}

}  // namespace klamm::inline v0::rdkafka
