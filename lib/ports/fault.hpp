#pragma once

#include <atomic>

namespace klamm::inline v0::ports {

/// Names a moment between two steps of a write, where a crash test may kill the process. Null in production.
using FaultPoint = void (*)(const char* step);
extern std::atomic<FaultPoint> fault_point;

inline void reached(const char* step) {
  if (const FaultPoint point = fault_point.load(std::memory_order_relaxed); point != nullptr) [[unlikely]]
    point(step);
}

}  // namespace klamm::inline v0::ports
