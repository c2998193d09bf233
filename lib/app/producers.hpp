#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "app/raw_producer.hpp"

namespace klamm::inline v0 {

/// The producers and feeders of an application, kept till they are flushed: a user may have let go of them. Any thread.
class Producers {
 public:
  /// Opens one on a topic of the log; after `close`, one that refuses.
  detail::RawProducer open(log::Log& log, const std::string& topic, const std::string& feeder);
  /// One that refuses with `why`.
  static detail::RawProducer refusing(Status why);

  void flush();
  /// Refuses all that follows; returns when no call is under way.
  void close(const Status& why);

 private:
  using Impl = std::shared_ptr<detail::RawProducer::Impl>;

  /// Once there are `many` that nobody holds: a program that makes one for each record it sends doesn't pile them up.
  void let_go(std::ptrdiff_t many);

  std::mutex mutex_;
  std::vector<Impl> open_;
  bool closed_ = false;
  Status why_;
};

}  // namespace klamm::inline v0
