#pragma once

#include "log/compaction.hpp"
#include "log/directory_core.hpp"

namespace klamm::inline v0::log {

/// One pass of compaction over one partition of a log in a directory. Lives on the background thread, reads beside the log thread and hands
/// it what changes in slices, from the oldest record to the newest; a crash between two slices leaves a log that is compacted in part.
class CompactionPass {
 public:
  /// `upkeep`: as of the moment when the pass became due.
  CompactionPass(DirectoryCore& core, std::shared_ptr<PartitionLog> partition, const Upkeep& upkeep);
  /// Returns early when the log closes; what was done so far stays.
  void run();

 private:
  Status note_newest();
  Status rewrite();
  Status load(Offset position);
  Status apply();
  void finish(Status status);

  DirectoryCore& core_;
  const std::shared_ptr<PartitionLog> partition_;
  const Upkeep upkeep_;
  const Bounds bounds_;
  NewestOffsets newest_;
  Offset end_;             // up to here `newest_` knows
  std::int64_t live_ = 0;  // records left below end_

  BatchPtr batch_;  // the batch at hand, and its records
  std::vector<RawMessage> messages_;
  // The slice at hand: what goes, and what stands in its place.
  std::vector<Offset> erased_;
  Rewriter rewriter_;
  std::size_t slice_bytes_ = 0;
  std::int64_t dropped_ = 0;
};

}  // namespace klamm::inline v0::log
