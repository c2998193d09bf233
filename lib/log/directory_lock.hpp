#pragma once

#include <string>

#include "klamm/status.hpp"

namespace klamm::inline v0::log {

/// Keeps other processes out of a directory as long as it lives. The lock is the kernel's (flock) and ends with the process; the file
/// says who holds it, and what a dead process left in it is no obstacle.
class DirectoryLock {
 public:
  DirectoryLock() = default;
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;
  ~DirectoryLock();

  /// `unavailable` with the holder's program, process id, host and start when somebody has it; `failed_precondition` when the directory
  /// can't be written.
  Status acquire(const std::string& directory, const std::string& file = "lock");

 private:
  int file_ = -1;
};

}  // namespace klamm::inline v0::log
