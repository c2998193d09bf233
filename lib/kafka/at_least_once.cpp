#include "kafka/at_least_once.hpp"

namespace klamm::inline v0::rdkafka {

Status AtLeastOnceDelivery::send(const Run& run) {
  if (const Failure failure = produce_all(run); !failure.ok()) {
    if (stopping()) return cancelled();
    const bool full = failure.code == RD_KAFKA_RESP_ERR__QUEUE_FULL;
    return recover(!full ? failure : !record_failure_.ok() ? record_failure_ : handle_failure_, about(run) + ": a record can't be written");
  }
  return serve();
}

Status AtLeastOnceDelivery::serve() {
  rd_kafka_poll(handle_.get(), 0);
  if (!record_failure_.ok()) return recover(record_failure_, failed_record_ + ": a record was not taken");
  if (!handle_failure_.ok()) return recover(handle_failure_, "producer \"" + name_ + "\"");
  return {};
}

Result<bool> AtLeastOnceDelivery::settled() {
  if (!all_acknowledged()) rd_kafka_poll(handle_.get(), 2);
  if (Status status = serve(); !status.ok()) return status;
  return all_acknowledged();
}

Status AtLeastOnceDelivery::commit(GroupCommit commit) {
  if (Status status = write_far_marks(commit); !status.ok()) return status;
  if (!commit.offsets.empty()) {
    for (;;) {
      Status status = shared_.groups.commit(commit, stop_requested());
      if (status.ok()) break;
      if (stopping()) return cancelled();
      if (status.code() != Code::unavailable) return status;
      pause();
    }
  }
  refused_.clear();
  return {};
}

// What was sent stays in the log: that is what at least once allows. Its reports must not be counted for what follows.
Status AtLeastOnceDelivery::abort() { return make_new_handle(); }

Status AtLeastOnceDelivery::recover(const Failure& failure, const std::string& what) {
  const Failure cause = failure;
  const std::string told = what;
  if (Status status = make_new_handle(); !status.ok()) return status;
  return aborted(cause, told);
}

}  // namespace klamm::inline v0::rdkafka
