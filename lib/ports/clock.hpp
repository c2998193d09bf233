#pragma once

#include <cstdint>

#include "klamm/time.hpp"

namespace klamm::inline v0::ports {

/// Where all time comes from, so that tests and the simulator can own it. Any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Wall-clock time: what records without a timestamp get.
  virtual Timestamp now() = 0;
  /// Milliseconds that never go back: intervals and deadlines.
  virtual std::int64_t steady_ms() = 0;
};

/// The machine's clocks. Lives as long as the process.
Clock& system_clock();

/// Stands still until it is told to move.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Timestamp start = {}) : now_{start} {}
  Timestamp now() override { return now_; }
  std::int64_t steady_ms() override { return now_.milliseconds(); }
  void advance(Duration d) { now_ = now_ + d; }

 private:
  Timestamp now_;
};

}  // namespace klamm::inline v0::ports
