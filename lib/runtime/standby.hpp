#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/environment.hpp"
#include "runtime/task_store.hpp"

namespace klamm::inline v0::runtime {

/// A copy of the stores that another member's task keeps at one partition. It goes on to where that task's last known commit ends, and no
/// further: what is in its files is committed.
///
/// Owned by `Standbys`, and used under its lock.
class Standby {
 public:
  Standby(Environment& environment, const SubPlan& sub, log::Partition partition) : env_{&environment}, sub_{&sub}, partition_{partition} {}

  /// The partitions whose committed offsets `follow` wants.
  [[nodiscard]] std::vector<log::TopicPartition> inputs() const;
  /// What the task has committed by now. Opens the stores when they are not open yet. Not ok: it can't go on from here, and is to be made
  /// anew, later.
  Status follow(const std::vector<std::optional<log::Committed>>& committed);
  /// Replays some of the changelogs; false when there was nothing to do for now.
  Result<bool> replay(std::size_t limit);
  void tick(std::int64_t steady_ms);

  /// Gives up its stores to a task that takes the partition over.
  void release(KeptStores& kept);
  /// Writes the files.
  Status close();

  [[nodiscard]] bool has(const std::string& store) const;
  [[nodiscard]] const SubPlan& sub() const { return *sub_; }
  [[nodiscard]] log::Partition partition() const { return partition_; }
  [[nodiscard]] const std::vector<std::unique_ptr<TaskStore>>& stores() const { return stores_; }

 private:
  Environment* env_;
  const SubPlan* sub_;
  const log::Partition partition_;
  std::vector<std::unique_ptr<TaskStore>> stores_;  // open
};

}  // namespace klamm::inline v0::runtime
