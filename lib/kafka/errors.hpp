#pragma once

#include <string>

#include "kafka/handles.hpp"
#include "klamm/status.hpp"

// librdkafka's errors become Status here and nowhere else.

namespace klamm::inline v0::rdkafka {

/// An error with what librdkafka says of it. The three flags are of the transactional producer's calls.
struct Failure {
  rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
  std::string text;             ///< librdkafka's words
  bool fatal = false;           ///< the handle is done for: make a new one
  bool retriable = false;       ///< call the same function again: it goes on where it was
  bool abort_required = false;  ///< abort the transaction, then go on

  [[nodiscard]] bool ok() const { return code == RD_KAFKA_RESP_ERR_NO_ERROR; }
  /// The producer can't be used any more, whatever the flags say: somebody has its id, the broker has ended its transaction (2.0.2 gives
  /// both the same code, at times flagged as abortable), or no flag says how to go on.
  [[nodiscard]] bool needs_new_handle() const;
};

/// Takes the error, which may be null.
Failure failure_of(rd_kafka_error_t* error);
Failure failure_of(rd_kafka_resp_err_t code);
/// With the reason that the handle has for a fatal error.
Failure failure_of(rd_kafka_resp_err_t code, rd_kafka_t* handle);

/// What it means to a caller of the port. `what`: the object and what was tried, such as `topic "a": can't be created`; `where`: the
/// brokers.
Status to_status(const Failure& failure, const std::string& what, const std::string& object, const std::string& where);
Code code_of(rd_kafka_resp_err_t code);

}  // namespace klamm::inline v0::rdkafka
