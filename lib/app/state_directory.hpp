#pragma once

#include <memory>
#include <string>

#include "klamm/status.hpp"
#include "log/directory_lock.hpp"

namespace klamm::inline v0 {

/// Where the stores of an application on Kafka are when nobody says: `$XDG_STATE_HOME/klamm/<application id>`, or the same under
/// `~/.local/state`. An error where neither is known: never a place that a restart of the machine empties.
Result<std::string> default_state_directory(const std::string& application_id);

/// A directory of stores, held by this process as long as it lives; the kernel lets go of it when the process dies.
///
///     <directory>/@lock       who holds it
///     <directory>/@instance   the instance id
///     <directory>/<store>/…   the stores: their names have no `@`
class StateDirectory {
 public:
  /// Makes the directory if it is missing. `unavailable` with the holder's program, process id, host and start when another process has it.
  static Result<std::unique_ptr<StateDirectory>> open(const std::string& path);

  /// Who this process is among those of its application: a random id that is made with the directory and stays in it.
  [[nodiscard]] const std::string& instance() const { return instance_; }

 private:
  StateDirectory() = default;
  Status read_instance(const std::string& path);

  log::DirectoryLock lock_;
  std::string instance_;
};

}  // namespace klamm::inline v0
