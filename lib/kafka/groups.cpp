#include "kafka/groups.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <set>

namespace klamm::inline v0::rdkafka {
namespace {

// Members hand out the partitions of topics in the order in which the broker tells of them: as they were asked for, which is by name, as
// long as there are few; beyond that in one of its own, which is always the same for the same topics.
constexpr std::size_t brokers_keep_order = 4;
constexpr int join_group = 11, heartbeat = 12;  // API keys
constexpr std::size_t metadata_limit = 4096;    // offset.metadata.max.bytes of brokers

/// Empty while the group does not have it.
std::string id_of(rd_kafka_t* handle) {
  const std::unique_ptr<char, decltype([](char* text) { rd_kafka_mem_free(nullptr, text); })> text{rd_kafka_memberid(handle)};
  return text == nullptr ? "" : text.get();
}

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

bool not_ours(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION || code == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID ||
         code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID || code == RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST;
}

}  // namespace

bool GroupCommit::is_far(const std::string& mark) {
  return !OffsetMetadata{.mark = mark, .far = {}, .signature = {}}.encode(metadata_limit);
}

Result<PartitionList> GroupCommit::list() const {
  PartitionList list{rd_kafka_topic_partition_list_new(static_cast<int>(offsets.size()))};
  for (std::size_t i = 0; i < offsets.size(); ++i) {
    const auto& [input, committed] = offsets[i];
    auto* one = rd_kafka_topic_partition_list_add(list.get(), input.topic.c_str(), input.partition);
    one->offset = committed.offset;
    if (committed.metadata.empty()) continue;
    const OffsetMetadata metadata{.mark = committed.metadata, .far = far.empty() ? std::nullopt : far[i], .signature = signature};
    const auto text = metadata.encode(metadata_limit);
    if (!text) {
      return Status{Code::failed_precondition,
                    "group \"" + group + "\": the commit mark of " + to_string(input) + " has " +
                        std::to_string(committed.metadata.size()) +
                        " bytes, too many for the metadata of an offset: commit it as a member of the application",
                    group};
    }
    one->metadata = ::strdup(text->c_str());  // the list frees it
    one->metadata_size = text->size();
  }
  return list;
}

void Seat::requested(int api_key) {
  if (api_key == join_group) joins();
  if (api_key != join_group && api_key != heartbeat) return;
  const std::lock_guard lock{mutex_};
  asked_ms_ = now_ms();
}

// On librdkafka's thread, before the answer is handed to the one that decides.
void Seat::answered(int api_key) {
  const std::lock_guard lock{mutex_};
  if (api_key == heartbeat || api_key == join_group) contact_ms_ = asked_ms_;
  if (api_key == heartbeat) ++heartbeats_;
  if (api_key == join_group) answered_ = true;
}

void Seat::joined(std::span<const log::TopicPartition> partitions) {
  const std::lock_guard lock{mutex_};
  joining_ = false;
  for (const auto& tp : partitions) held_[tp] = moves_;
}

void Seat::joins() {
  const std::lock_guard lock{mutex_};
  joining_ = true;
}

bool Seat::has_lease() const {
  const std::lock_guard lock{mutex_};
  // Whoever waits for others to join is not missed.
  const std::int64_t heard = joining_ ? std::max(asked_ms_, contact_ms_) : contact_ms_;
  return heard == 0 || now_ms() - heard < cluster_.options().session_timeout.milliseconds();
}

bool Seat::has_been_answered() const {
  const std::lock_guard lock{mutex_};
  return answered_;
}

bool Seat::is_joining() const {
  const std::lock_guard lock{mutex_};
  return joining_;
}

bool Seat::has_nothing() const {
  const std::lock_guard lock{mutex_};
  return held_.empty();
}

void Seat::revokes() {
  const std::lock_guard lock{mutex_};
  revoking_ = true;
}

void Seat::gone(std::span<const log::TopicPartition> partitions) {
  const std::lock_guard lock{mutex_};
  revoking_ = false;
  ++moves_;
  for (const auto& tp : partitions) held_.erase(tp);
}

std::uint64_t Seat::moves() const {
  const std::lock_guard lock{mutex_};
  return moves_;
}

bool Seat::has_had_since(std::uint64_t moves, const std::vector<log::OffsetCommit>& offsets) const {
  const std::lock_guard lock{mutex_};
  return std::all_of(offsets.begin(), offsets.end(), [&](const auto& each) {
    if (std::find(topics_.begin(), topics_.end(), each.input.topic) == topics_.end()) return true;
    const auto found = held_.find(each.input);
    return found != held_.end() && found->second <= moves;
  });
}

// What was decided by a heartbeat's answer is on the wire when something has been asked and answered since: requests keep their order.
void Seat::hear_heartbeat(const std::vector<log::OffsetCommit>& offsets) {
  std::uint64_t heartbeats = 0;
  {
    const std::lock_guard lock{mutex_};
    if (revoking_ || joining_ || heard_ == heartbeats_) return;
    heartbeats = heartbeats_;
  }
  const auto& [topic, partition] = offsets.front().input;
  const PartitionList any{rd_kafka_topic_partition_list_new(1)};
  rd_kafka_topic_partition_list_add(any.get(), topic.c_str(), partition);
  if (rd_kafka_committed(handle.get(), any.get(), 1'000) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  const std::lock_guard lock{mutex_};
  heard_ = heartbeats;
}

Seat::Post Seat::post(std::uint64_t moves, const std::vector<log::OffsetCommit>& offsets, const rd_kafka_topic_partition_list_t* list,
                      rd_kafka_queue_t* answer, Failure& failure) {
  if (loses_all_by_late_commit()) hear_heartbeat(offsets);
  if (!has_had_since(moves, offsets)) return Post::lost;
  const std::lock_guard lock{mutex_};
  if (!revoking_ && (joining_ || (loses_all_by_late_commit() && heard_ != heartbeats_))) return Post::busy;
  failure = failure_of(rd_kafka_commit_queue(handle.get(), list, answer, nullptr, nullptr));
  return Post::posted;
}

bool Groups::enter(const std::string& group, const std::shared_ptr<Seat>& seat) {
  const std::lock_guard lock{mutex_};
  auto& taken = seats_[group];
  if (taken != nullptr) return false;
  taken = seat;
  return true;
}

void Groups::leave(const std::string& group) {
  const std::lock_guard lock{mutex_};
  seats_[group].reset();
}

bool Groups::have_lease() {
  const std::lock_guard lock{mutex_};
  return std::all_of(seats_.begin(), seats_.end(), [](const auto& each) { return each.second == nullptr || each.second->has_lease(); });
}

Membership Groups::membership(const std::string& group, const std::vector<log::OffsetCommit>& offsets) {
  Membership now;
  {
    const std::lock_guard lock{mutex_};
    const auto found = seats_.find(group);
    now.known = found != seats_.end();
    if (now.known) now.seat = found->second;
  }
  if (!now.known) now.metadata.reset(rd_kafka_consumer_group_metadata_new(group.c_str()));
  if (now.seat == nullptr) return now;
  now.moves = now.seat->moves();
  // A member that the group has thrown out has no id until it comes back, and what is committed without one is not fenced at all.
  rd_kafka_t* const handle = now.seat->handle.get();
  const std::string before = id_of(handle);
  now.metadata.reset(rd_kafka_consumer_group_metadata(handle));
  if (before.empty() || id_of(handle) != before || !now.seat->has_had_since(now.moves, offsets)) now.seat = nullptr;
  return now;
}

Result<log::GroupDescription> Groups::describe(const std::string& group) {
  std::shared_ptr<Seat> seat;
  {
    const std::lock_guard lock{mutex_};
    if (const auto found = seats_.find(group); found != seats_.end()) seat = found->second;
  }
  auto members = admin_.members(group, seat == nullptr ? std::string{} : id_of(seat->handle.get()));
  if (!members.ok()) return members.status();
  log::GroupDescription description{*std::move(members), {}};
  std::set<std::string> topics;
  for (const auto& member : description.members) {
    for (const auto& tp : member.partitions) topics.insert(tp.topic);
  }
  description.topics.assign(topics.begin(), topics.end());
  if (seat == nullptr || topics.size() <= brokers_keep_order) return description;
  // So that these topics, and no others, are asked for.
  std::vector<TopicHandle> handles;
  for (const std::string& topic : topics) handles.emplace_back(rd_kafka_topic_new(seat->handle.get(), topic.c_str(), nullptr));
  const rd_kafka_metadata_t* found = nullptr;
  const auto code = rd_kafka_metadata(seat->handle.get(), 0, nullptr, &found, cluster_.timeout_ms());
  const Metadata metadata{found};
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
    return cluster_.status(failure_of(code), "group \"" + group + "\": its topics can't be looked up", group);
  description.topics.clear();
  for (int i = 0; i < metadata->topic_cnt; ++i) description.topics.emplace_back(metadata->topics[i].topic);
  return description;
}

Status Groups::commit(const GroupCommit& commit, const std::atomic<bool>& stopping) {
  const auto& [group, offsets, as, signature, far] = commit;
  if (!as.known) return admin_.commit(commit);
  const std::string what = "group \"" + group + "\": the offsets can't be committed";
  if (as.seat == nullptr) return {Code::aborted, what + ": this process is not in it", group};
  auto list = commit.list();
  if (!list.ok()) return list.status();

  rd_kafka_t* const handle = as.seat->handle.get();
  const Queue queue{rd_kafka_queue_new(handle)};
  Failure failure;
  const Seat::Post post = as.seat->post(as.moves, offsets, list->get(), queue.get(), failure);
  if (post == Seat::Post::lost) return {Code::aborted, what + ": others have some of the partitions", group};
  if (post == Seat::Post::busy) return {Code::unavailable, what + ": members are joining", group};
  Event event;
  while (failure.ok() && event == nullptr) {
    if (stopping) return {Code::unavailable, what + ": was stopped", group};
    event.reset(rd_kafka_queue_poll(queue.get(), 100));
  }
  auto code = failure.code;
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
