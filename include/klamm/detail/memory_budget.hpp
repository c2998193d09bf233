#pragma once

#include <atomic>
#include <cstddef>

namespace klamm::inline v0::detail {

/// The memory that all stores of an application may use together. Each store is sure of a quarter of an equal share; the rest is for those
/// that want it, in pieces, as long as there is some:
///
///     take ◀── a store that is at its limit      give ◀── a store that is idle, or above an equal share, while another is hungry
///
/// Their limits never add up to more than the whole. Shared by the stores; any thread; no lock.
class MemoryBudget {
 public:
  /// `stores`: how many there will be at most.
  MemoryBudget(std::size_t bytes, std::size_t stores)
      : equal_{bytes / (stores == 0 ? 1 : stores)}, free_{bytes - least() * (stores == 0 ? 1 : stores)} {}
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  [[nodiscard]] std::size_t equal_share() const { return equal_; }
  /// What each store has without asking.
  [[nodiscard]] std::size_t least() const { return equal_ / 4; }
  /// What nobody has.
  [[nodiscard]] std::size_t free() const { return free_.load(std::memory_order_relaxed); }
  /// Whether a store wanted more and there was nothing, since something was given back.
  [[nodiscard]] bool hungry() const { return hungry_.load(std::memory_order_relaxed); }

  /// Takes a piece; returns its bytes, 0 when there is none.
  std::size_t take() {
    const std::size_t piece = equal_ / 16 + 1;
    std::size_t left = free();
    while (left != 0) {
      const std::size_t taken = left < piece ? left : piece;
      if (free_.compare_exchange_weak(left, left - taken, std::memory_order_relaxed)) return taken;
    }
    if (!hungry()) hungry_.store(true, std::memory_order_relaxed);
    return 0;
  }
  void give(std::size_t bytes) {
    if (bytes == 0) return;
    free_.fetch_add(bytes, std::memory_order_relaxed);
    hungry_.store(false, std::memory_order_relaxed);
  }

 private:
  const std::size_t equal_;
  std::atomic<std::size_t> free_;
  std::atomic<bool> hungry_{false};
};

}  // namespace klamm::inline v0::detail
