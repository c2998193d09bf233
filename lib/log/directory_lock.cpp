#include "log/directory_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>

namespace klamm::inline v0::log {
namespace {

std::string own_name() {
  std::array<char, 4096> path{};
  const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size());
  const std::string whole{path.data(), size < 0 ? 0 : static_cast<std::size_t>(size)};
  return whole.substr(whole.rfind('/') + 1);
}

std::string description() {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '?';
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::array<char, 32> since{};
  std::strftime(since.data(), since.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return own_name() + " (process " + std::to_string(::getpid()) + " on " + host.data() + ", since " + since.data() + ")";
}

// The holder writes its description right after it took the lock, so a moment later it is there.
std::string holder(int file) {
  for (int tries = 0; tries < 20; ++tries) {
    std::array<char, 1024> text{};
    if (const ssize_t size = ::pread(file, text.data(), text.size(), 0); size > 0) return {text.data(), static_cast<std::size_t>(size)};
    ::usleep(5'000);
  }
  return "another process";
}

}  // namespace

DirectoryLock::~DirectoryLock() {
  if (file_ < 0) return;
  [[maybe_unused]] const int emptied = ::ftruncate(file_, 0);
  ::close(file_);
}

Status DirectoryLock::acquire(const std::string& directory, const std::string& name) {
  const std::string about = "directory \"" + directory + "\": ";
  const int file = ::open((directory + '/' + name).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) return {Code::failed_precondition, about + "can't be written: " + std::strerror(errno), directory};
  if (::flock(file, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    Status status{Code::failed_precondition, about + "can't be locked: " + std::strerror(error), directory};
    if (error == EWOULDBLOCK)
      status = {Code::unavailable, about + "is in use by " + holder(file) + ": stop it first, or use another directory", directory};
    ::close(file);
    return status;
  }
  file_ = file;
  const std::string text = description();
  if (::ftruncate(file_, 0) != 0 || ::pwrite(file_, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    const int error = errno;
    return {error == ENOSPC ? Code::resource_exhausted : Code::failed_precondition, about + "can't be written: " + std::strerror(error),
            directory};
  }
  return {};
}

}  // namespace klamm::inline v0::log
