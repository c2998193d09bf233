#pragma once

#include <memory>
#include <span>
#include <vector>

#include "klamm/detail/stage.hpp"
#include "log/log.hpp"
#include "runtime/written.hpp"

namespace klamm::inline v0::runtime {

/// Records copied out of the log, for tasks that have to look at several inputs before they choose. Keeps its memory.
class LookAhead {
 public:
  [[nodiscard]] bool empty() const { return next_ == messages_.size(); }
  [[nodiscard]] const RawMessage& front() const { return messages_[next_]; }
  [[nodiscard]] std::span<const RawMessage> rest() const { return std::span{messages_}.subspan(next_); }
  void drop(std::size_t count) { next_ += count; }
  void clear() {
    messages_.clear();
    next_ = 0;
  }
  /// Reads up to `limit` records behind those that are used up; only when empty.
  Result<std::size_t> fill(log::Reader& reader, std::size_t limit);

 private:
  std::vector<RawMessage> messages_;
  Bytes bytes_;
  std::size_t next_ = 0;
};

/// One partition that a task reads.
struct Input {
  int topic = -1;  ///< the graph's number
  log::TopicPartition tp;
  std::vector<detail::SourceStage*> sources;
  std::size_t next_source = 0;  ///< whose turn it is with the next record, where there are several
  std::unique_ptr<log::Reader> reader;
  log::Offset committed = 0;  ///< as of the last commit
  bool unsaid = false;        ///< it began behind records that nobody has read: the next commit says so
  log::Offset in_flight = 0;  ///< as of the commit that was begun
  log::Offset purged = 0;
  std::int64_t purged_at_ms = 0;
  LookAhead ahead;
  Written written;  ///< of a repartition topic: what its records were written as

  /// The offset of the next record that has not been processed.
  [[nodiscard]] log::Offset position() const { return ahead.empty() ? reader->position() : ahead.front().offset; }
};

}  // namespace klamm::inline v0::runtime
