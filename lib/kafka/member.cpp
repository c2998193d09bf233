#include "kafka/member.hpp"

#include <chrono>
#include <future>
#include <thread>

namespace klamm::inline v0::rdkafka {

Result<std::unique_ptr<log::Member>> Member::join(Cluster& cluster, Groups& groups, const std::string& group,
                                                  const std::vector<std::string>& topics, log::GroupListener& listener) {
  std::unique_ptr<Member> member{new Member{cluster, groups, group, topics, listener}};
  auto handle = make_handle(Kind::member, cluster, *member->seat_, group);
  if (!handle.ok()) return handle.status();
  member->seat_->handle = std::move(*handle);
  rd_kafka_t* const raw = member->seat_->handle.get();
  rd_kafka_poll_set_consumer(raw);
  if (member->entered_ = groups.enter(group, member->seat_); !member->entered_)
    return Status{Code::failed_precondition, "group \"" + group + "\": this process is a member already", group};
  const PartitionList list{rd_kafka_topic_partition_list_new(static_cast<int>(topics.size()))};
  for (const std::string& topic : topics) rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
  if (const auto code = rd_kafka_subscribe(raw, list.get()); code != RD_KAFKA_RESP_ERR_NO_ERROR)
    return cluster.status(failure_of(code), "group \"" + group + "\": can't be joined", group);
  return std::unique_ptr<log::Member>{std::move(member)};
}

Member::~Member() {
  listener_ = nullptr;
  if (entered_) groups_.leave(group_);
  if (seat_->handle != nullptr) wait_while_joining();
  const bool closed = close();
  seat_->owner = nullptr;  // whoever commits by the seat at the moment keeps it a little longer
  const bool can_end = told_ || ends_before_assignment() || !seat_->has_been_answered();
  if (seat_->handle == nullptr || (closed && can_end)) return;
  // It can't be ended without ending the process, or waiting for ever: it has left the group, or will be missed by it, and is kept for
  // good.
  seat_->mute();
  static auto& kept = *new std::vector<std::shared_ptr<Seat>>;
  static std::mutex mutex;
  const std::lock_guard lock{mutex};
  kept.push_back(seat_);
}

// librdkafka before 2.4 does not always come back from this when it is in the middle of a rebalance.
bool Member::close() {
  if (seat_->handle == nullptr) return true;
  constexpr auto patience = std::chrono::seconds{5};
  auto done = std::make_shared<std::promise<void>>();
  auto closed = done->get_future();
  std::thread closing{[seat = seat_, done] {
    static_cast<void>(rd_kafka_consumer_close(seat->handle.get()));
    done->set_value();
  }};
  const bool in_time = closed.wait_for(patience) == std::future_status::ready;
  in_time ? closing.join() : closing.detach();
  return in_time;
}

// Two ways to go without having left, so that the others wait as long as for one that died: while a JoinGroup is not answered the broker
// hears nothing more on that connection; and librdkafka (seen with 2.0) leaves when what it has is revoked, which is never where it has
// nothing. Who has just joined has nothing at first, and gets his part in a second round.
void Member::wait_while_joining() {
  constexpr int patience_ms = 5'000, patience_without_part_ms = 3'000;
  const auto unfinished = [this](int waited) {
    if (seat_->is_joining()) return true;
    return waited < patience_without_part_ms && seat_->has_been_answered() && seat_->has_nothing();
  };
  for (int waited = 0; waited < patience_ms && unfinished(waited); waited += 10) {
    if (rd_kafka_message_t* message = rd_kafka_consumer_poll(seat_->handle.get(), 10); message != nullptr)
      rd_kafka_message_destroy(message);
  }
}

Status Member::poll() {
  // A few at a time, each at once there; none carries a record.
  for (int i = 0; i < 100 && failure_.ok(); ++i) {
    rd_kafka_message_t* message = rd_kafka_consumer_poll(seat_->handle.get(), 0);
    if (message == nullptr) break;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) failed(*message);
    rd_kafka_message_destroy(message);
  }
  return failure_;
}

void Member::rebalance(rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t* partitions) {
  std::vector<log::TopicPartition> list;
  list.reserve(static_cast<std::size_t>(partitions->cnt));
  for (int i = 0; i < partitions->cnt; ++i) list.push_back({partitions->elems[i].topic, partitions->elems[i].partition});
  rd_kafka_t* const handle = seat_->handle.get();
  const PartitionList nothing{rd_kafka_topic_partition_list_new(0)};
  if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    const Failure failure = failure_of(rd_kafka_incremental_assign(handle, nothing.get()));
    if (!failure.ok()) cluster_.line(Level::error, "group \"" + group_ + "\": " + failure.text);
    seat_->joined(list);
    if (listener_ != nullptr && (!list.empty() || !told_)) listener_->assigned(list);
    told_ = true;
    return;
  }
  const bool lost = rd_kafka_assignment_lost(handle) != 0;
  lost ? seat_->gone(list) : seat_->revokes();
  if (listener_ != nullptr && !list.empty()) lost ? listener_->lost(list) : listener_->revoked(list);
  seat_->joins();  // before the interceptor sees it
  if (!lost) seat_->gone(list);
  const Failure failure = failure_of(rd_kafka_incremental_unassign(handle, nothing.get()));
  if (!failure.ok()) cluster_.line(Level::error, "group \"" + group_ + "\": " + failure.text);
}

void Member::fatal(const Failure& failure) {
  const std::string what = "group \"" + group_ + "\": this member can't go on";
  if (failure.code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID) {
    failure_ = {Code::failed_precondition,
                what + ": another process has joined as \"" + cluster_.options().group_instance_id +
                    "\": give every process a .group_instance_id of its own",
                group_};
  } else {
    failure_ = cluster_.status(failure, what, group_);
  }
}

void Member::failed(const rd_kafka_message_t& message) {
  if (message.err == RD_KAFKA_RESP_ERR__FATAL) return fatal(failure_of(message.err, seat_->handle.get()));
  Failure failure = failure_of(message.err);
  if (const char* words = rd_kafka_message_errstr(&message); words != nullptr) failure.text = words;
  const Status status = cluster_.status(failure, "group \"" + group_ + "\"", group_);
  switch (message.err) {
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL:
    case RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT:
    case RD_KAFKA_RESP_ERR__FATAL:
      failure_ = status;
      break;
    // Everything else passes: coordinators move, topics come, a slow poll is followed by `lost`.
    default:
      cluster_.line(Level::warning, status.message());
  }
}

}  // namespace klamm::inline v0::rdkafka
