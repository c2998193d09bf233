#pragma once

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

namespace klamm::inline v0 {

/// A flag that a signal handler may raise and a thread can sleep on.
class StopSignal {
 public:
  StopSignal() : fd_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)} {}
  ~StopSignal() {
    if (fd_ >= 0) ::close(fd_);
  }
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  void raise() {
    if (::getpid() != owner_) return;  // a forked child touches nothing of its parent's
    raised_.store(true);
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(fd_, &one, sizeof one);
  }
  [[nodiscard]] bool raised() const { return raised_.load(); }
  void wait(int milliseconds) const {
    if (fd_ < 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds{milliseconds});
      return;
    }
    pollfd waited{fd_, POLLIN, 0};
    ::poll(&waited, 1, milliseconds);
  }

 private:
  const int fd_;
  const pid_t owner_ = ::getpid();
  std::atomic<bool> raised_{false};
};

}  // namespace klamm::inline v0
