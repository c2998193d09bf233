#pragma once

#include "klamm/api.hpp"
#include "log/log.hpp"
#include "ports/clock.hpp"

namespace klamm::inline v0::log {

struct EmbeddedOptions {
  std::string directory{};       ///< made if missing; belongs to one application, and to one process at a time
  std::string application_id{};  ///< whose directory it is
  /// Of topics that do not say their own count. Empty: what the directory was made with. Another count than that is an error.
  std::optional<Partition> default_partitions{};
  Partition new_directory_partitions = 1;  ///< what a new directory gets when `default_partitions` is empty

  std::size_t cache_bytes = std::size_t{64} << 20;  ///< newest batches kept in memory for readers
  std::size_t inlet_bytes = std::size_t{8} << 20;   ///< of each inlet, from where on `send` blocks
  Duration inlet_linger{5};                         ///< how long a record of an inlet may wait for company
  std::int64_t compact_at_least = 20'000;           ///< records in a partition below which compaction is not worth it
  std::size_t compact_keys = std::size_t{1} << 20;  ///< keys that one pass of compaction holds in memory, 50 bytes each
  std::optional<std::int64_t> max_file_bytes{};     ///< the database never grows beyond it: `resource_exhausted` then
};

/// Opens the log in a directory. Blocks until its topics are read, not its records. Errors name the directory and, where there is one, the
/// other side: the process that holds it (`unavailable`), the application it belongs to, the partition count or format version found
/// (`failed_precondition`). Readers, producers, inlets and members must be gone before the log is.
Result<std::unique_ptr<Log>> open_embedded(EmbeddedOptions options);

/// Whether somebody has made a log in the directory.
bool holds_log(const std::string& directory);

struct MemoryOptions {
  Partition default_partitions = 1;
  /// Whether records of topics that are not compacted stay when a group has committed an offset behind them.
  enum class Retention : bool { keep, until_committed };
  Retention retention = Retention::keep;
  /// `send` of an inlet blocks while so much of its partition is not committed by the group that reads it; 0: never.
  std::size_t inlet_bytes = 0;
  std::int64_t compact_at_least = 1'000;  ///< records in a partition below which compaction is not worth it
  /// With a clock, groups have many members: a process each, by `memory_client`. Tombstones stay then, since a member that comes back after
  /// any time may need them.
  ports::Clock* clock = nullptr;
  Duration session{10'000};  ///< a member that does not poll for so long is out
};

/// A log in memory, gone with the object. No file, no thread: everything happens in the call, in the order of calls, and readers' and
/// producers' `wake` are called before the call that caused it returns. Readers, producers, inlets and members must be gone before the log
/// is.
KLAMM_TESTING_API std::unique_ptr<Log> memory_log(MemoryOptions options = {});

/// The same log as another process sees it: members and producers made by it belong together, so that commits of a member that is out are
/// refused. `memory` was made by `memory_log` with a clock, and outlives it.
KLAMM_TESTING_API std::unique_ptr<Log> memory_client(Log& memory);

}  // namespace klamm::inline v0::log
