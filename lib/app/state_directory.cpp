#include "app/state_directory.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <random>

namespace klamm::inline v0 {
namespace {

constexpr std::size_t id_size = 16;

std::string random_id() {
  static constexpr char digits[] = "0123456789abcdef";
  std::random_device device;
  std::string id;
  while (id.size() < id_size) id += digits[device() % 16];
  return id;
}

bool is_id(const std::string& text) { return text.size() == id_size && text.find_first_not_of("0123456789abcdef") == std::string::npos; }

/// The file's text; empty when there is none.
Result<std::string> read(const std::string& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return std::string{};
  std::array<char, 64> text{};
  const ssize_t size = fd < 0 ? -1 : ::read(fd, text.data(), text.size());
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (size < 0) return Status{Code::failed_precondition, "file \"" + file + "\": can't be read: " + std::strerror(error), file};
  return std::string{text.data(), static_cast<std::size_t>(size)};
}

/// The whole text or none of it, also when the power goes.
Status write(const std::string& directory, const std::string& file, const std::string& text) {
  const std::string part = file + ".part";
  const int fd = ::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  bool ok = fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  int error = errno;
  if (fd >= 0) ::close(fd);
  if (ok && std::rename(part.c_str(), file.c_str()) != 0) {
    ok = false;
    error = errno;
  }
  if (!ok) return {Code::failed_precondition, "file \"" + file + "\": can't be written: " + std::strerror(error), file};
  if (const int folder = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); folder >= 0) {
    ::fsync(folder);
    ::close(folder);
  }
  return {};
}

}  // namespace

Result<std::string> default_state_directory(const std::string& application_id) {
  const auto absolute = [](const char* variable) -> std::string {
    const char* value = std::getenv(variable);
    return value != nullptr && value[0] == '/' ? value : "";  // relative ones are to be ignored, says the XDG specification
  };
  if (const std::string state = absolute("XDG_STATE_HOME"); !state.empty()) return state + "/klamm/" + application_id;
  if (const std::string home = absolute("HOME"); !home.empty()) return home + "/.local/state/klamm/" + application_id;
  return Status{Code::invalid_argument,
                "AppOptions::state_dir: neither XDG_STATE_HOME nor HOME is set: say where the stores of \"" + application_id + "\" are",
                "state_dir"};
}

Result<std::unique_ptr<StateDirectory>> StateDirectory::open(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return Status{Code::failed_precondition, "directory \"" + path + "\": can't be made: " + error.message(), path};
  std::unique_ptr<StateDirectory> directory{new StateDirectory};
  if (Status status = directory->lock_.acquire(path, "@lock"); !status.ok()) return status;
  if (Status status = directory->read_instance(path); !status.ok()) return status;
  return directory;
}

Status StateDirectory::read_instance(const std::string& path) {
  const std::string file = path + "/@instance";
  Result<std::string> known = read(file);
  if (!known.ok()) return known.status();
  instance_ = known->substr(0, known->find('\n'));
  if (is_id(instance_)) return {};
  // What a damaged file named is another instance, whose open transactions end by their time-out.
  instance_ = random_id();
  return write(path, file, instance_ + '\n');
}

}  // namespace klamm::inline v0
