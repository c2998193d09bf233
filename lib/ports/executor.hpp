#pragma once

#include <functional>
#include <memory>

#include "klamm/api.hpp"

namespace klamm::inline v0::ports {

/// Runs jobs that must not hold up the one who asks: checkpoints, compaction. Jobs run one after the other, in order.
class Executor {
 public:
  virtual ~Executor() = default;
  virtual void post(std::function<void()> job) = 0;
  /// Returns when all that was posted before has run.
  virtual void drain() = 0;
};

/// One background thread; its destructor runs what was posted, then joins.
std::unique_ptr<Executor> background_thread(const char* name);
/// Runs each job at once, in the call: tests, the simulator.
KLAMM_TESTING_API std::unique_ptr<Executor> inline_executor();

}  // namespace klamm::inline v0::ports
