#include "kafka/transactional.hpp"

#include <algorithm>
#include <chrono>

namespace klamm::inline v0::rdkafka {
namespace {

constexpr int call_ms = 5'000;
constexpr std::int64_t longest_ms = 900'000;  // transaction.max.timeout.ms of brokers

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// No retry will help: somebody has to change something.
bool is_denied(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED || code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED ||
         code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED || code == RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT ||
         code == RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE;
}

}  // namespace

TransactionalDelivery::~TransactionalDelivery() {
  if (handle_ == nullptr) return;
  if (open_) static_cast<void>(failure_of(rd_kafka_abort_transaction(handle_.get(), 1'000)));
  drop_handle();
}

template <class Call> Failure TransactionalDelivery::persist(const Call& call) {
  for (;;) {
    const Failure failure = failure_of(call());
    if (!failure.retriable || failure.abort_required || failure.fatal || stopping()) return failure;
    rd_kafka_poll(handle_.get(), 10);
  }
}

Status TransactionalDelivery::open() {
  open_ = false;
  for (;;) {
    if (Status status = make_new_handle(); !status.ok()) return status;
    const Failure failure = persist([&] { return rd_kafka_init_transactions(handle_.get(), call_ms); });
    if (failure.ok()) return {};
    if (stopping()) return cancelled();
    const Status status = cluster_.status(failure, "producer \"" + name_ + "\": can't begin transactions", name_);
    if (is_denied(failure.code)) return {Code::failed_precondition, status.message(), name_};
    cluster_.line(Level::warning, status.message() + ": trying again");
    pause();
  }
}

Status TransactionalDelivery::begin() {
  if (open_) return {};
  const Failure failure = failure_of(rd_kafka_begin_transaction(handle_.get()));
  if (!failure.ok()) return recover(failure, "producer \"" + name_ + "\": a transaction can't begin");
  open_ = true;
  began_at_ = now_ms();
  return {};
}

Status TransactionalDelivery::judge_time() {
  if (!open_ || now_ms() - began_at_ < timeout_) {
    too_long_in_a_row_ = 0;
    return {};
  }
  if (++too_long_in_a_row_ < 3) return {};
  if (timeout_ >= longest_ms) {
    return {Code::failed_precondition,
            "producer \"" + name_ + "\": transactions take longer than " + std::to_string(timeout_) +
                " ms, the longest that brokers allow, with one record each: a function of the topology must come back sooner",
            name_};
  }
  timeout_ = std::min(2 * timeout_, longest_ms);
  cluster_.line(Level::warning, "producer \"" + name_ + "\": transactions take too long, they get " + std::to_string(timeout_) + " ms now");
  other_settings_ = {{"transaction.timeout.ms", std::to_string(timeout_)}, {"message.timeout.ms", std::to_string(timeout_)}};
  return {};
}

Status TransactionalDelivery::send(const Run& run) {
  if (Status status = begin(); !status.ok()) return status;
  if (Failure failure = produce_all(run); !failure.ok()) {
    if (stopping()) return cancelled();
    failure.abort_required = true;  // a commit would succeed without the record
    if (failure.code == RD_KAFKA_RESP_ERR__QUEUE_FULL) failure = !record_failure_.ok() ? record_failure_ : handle_failure_;
    return recover(failure, about(run) + ": a record can't be written");
  }
  return serve();
}

Status TransactionalDelivery::serve() {
  rd_kafka_poll(handle_.get(), 0);
  if (!record_failure_.ok()) return recover(record_failure_, failed_record_ + ": a record was not taken");
  if (!handle_failure_.ok()) return recover(handle_failure_, "producer \"" + name_ + "\"");
  return {};
}

Result<bool> TransactionalDelivery::settled() {
  // Sends at once what lingers, and hears of it.
  if (!all_acknowledged()) static_cast<void>(rd_kafka_flush(handle_.get(), 50));
  if (Status status = serve(); !status.ok()) return status;
  return all_acknowledged();
}

Status TransactionalDelivery::send_offsets(const GroupCommit& commit) {
  const auto& [group, offsets, as, signature, far] = commit;
  if (offsets.empty()) return {};
  auto list = commit.list();
  if (!list.ok()) return list.status();
  const std::string what = "producer \"" + name_ + "\": the offsets can't be committed";
  if (as.known && (as.seat == nullptr || !as.seat->has_had_since(as.moves, offsets))) {
    const Failure not_ours{.code = RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, .text = "this process is not in the group", .abort_required = true};
    return recover(not_ours, what);
  }
  const Failure failure =
      persist([&] { return rd_kafka_send_offsets_to_transaction(handle_.get(), list->get(), commit.as.metadata.get(), call_ms); });
  if (failure.ok()) return {};
  if (stopping()) return cancelled();
  return recover(failure, what);
}

Status TransactionalDelivery::commit(GroupCommit commit) {
  if (Status status = begin(); !status.ok()) return status;
  if (Status status = write_far_marks(commit); !status.ok()) return status;
  if (Status status = send_offsets(commit); !status.ok()) return status;
  const Failure failure = persist([&] { return rd_kafka_commit_transaction(handle_.get(), call_ms); });
  if (failure.ok()) {
    open_ = false;
    aborts_in_a_row_ = too_long_in_a_row_ = 0;
    refused_.clear();
    return {};
  }
  if (stopping()) return cancelled();
  Status status = recover(failure, "producer \"" + name_ + "\": the transaction can't be committed");
  if (status.code() != Code::aborted || !renewed_) return status;
  // The answer to the commit was lost with the handle. Its transaction has ended since, one way or the other: the offsets tell which.
  const Result<bool> committed = is_committed(commit);
  if (!committed.ok()) return committed.status();
  return *committed ? Status{} : status;
}

Result<bool> TransactionalDelivery::is_committed(const GroupCommit& commit) {
  const auto& offsets = commit.offsets;
  std::vector<log::TopicPartition> partitions;
  partitions.reserve(offsets.size());
  for (const auto& offset : offsets) partitions.push_back(offset.input);
  for (;;) {
    if (stopping()) return cancelled();
    auto found = shared_.admin.committed(commit.group, partitions);
    if (!found.ok()) {
      if (found.status().code() != Code::unavailable) return found.status();
      pause();
      continue;
    }
    for (std::size_t i = 0; i < offsets.size(); ++i) {
      const auto& one = (*found)[i];
      if (!one || one->offset != offsets[i].committed.offset) return false;
      const auto far = commit.far.empty() ? std::nullopt : commit.far[i];
      if (one->metadata.far != far || (!far && one->metadata.mark != offsets[i].committed.metadata)) return false;
    }
    return !offsets.empty();
  }
}

Status TransactionalDelivery::abort() {
  if (!open_) {
    reset_counts();
    return {};
  }
  const Failure failure = persist([&] { return rd_kafka_abort_transaction(handle_.get(), call_ms); });
  if (stopping() && !failure.ok()) return cancelled();
  open_ = false;
  if (failure.ok()) {
    reset_counts();
    return {};
  }
  return open();
}

Status TransactionalDelivery::recover(const Failure& failure, const std::string& what) {
  if (stopping()) return cancelled();
  const Failure cause = failure;
  const std::string told = what;
  renewed_ = false;
  if (is_denied(cause.code)) return {Code::failed_precondition, cluster_.status(cause, told, name_).message(), name_};
  if (Status late = judge_time(); !late.ok()) return late;
  const bool refused = !record_failure_.ok();
  if (cause.needs_new_handle() || refused || ++aborts_in_a_row_ > 1 || !open_) {
    aborts_in_a_row_ = 0;
    renewed_ = true;
    if (Status status = open(); !status.ok()) return status;
  } else {
    const Failure ended = persist([&] { return rd_kafka_abort_transaction(handle_.get(), call_ms); });
    if (stopping()) return cancelled();
    open_ = false;
    if (!ended.ok()) {
      renewed_ = true;
      if (Status status = open(); !status.ok()) return status;
    }
  }
  reset_counts();
  return aborted(cause, told);
}

}  // namespace klamm::inline v0::rdkafka
