#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>

#include "klamm/app.hpp"
#include "log/log.hpp"

namespace klamm::inline v0::detail {

/// Shared by the copies of a producer; outlives the application as long as somebody holds one, and refuses then. Any thread.
struct RawProducer::Impl {
  /// Connects it to a topic of the log. What goes wrong is the status of all that follows.
  void open(log::Log& log, const std::string& topic, const std::string& feeder);
  /// Refuses all that follows; returns when no call is under way.
  void close(Status why);

  std::shared_mutex mutex;  // shared: in a call; alone: opening and closing
  std::unique_ptr<log::Inlet> inlet;
  Status status;
  log::Log* used = nullptr;
  std::string name;  // of the feeder; empty for producers
  log::Partition partitions = 1;
  std::atomic<std::uint32_t> keyless{0};  // records without a key
};

}  // namespace klamm::inline v0::detail
