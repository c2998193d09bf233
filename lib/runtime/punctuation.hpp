#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "klamm/processor.hpp"
#include "runtime/commit_mark.hpp"

namespace klamm::inline v0::detail {

/// One punctuation. Shared by its task, which makes it due, and the handles in the processor, which cancel it.
struct Schedule {
  ProcessorContext* context = nullptr;  ///< null: its processor has gone
  Callback<void(Timestamp)> f;
  std::string owner;  ///< the operator's name
  Time time = Time::stream;
  int number = -1;  ///< of the calls in the constructor; -1: made later, and not remembered
  std::int64_t every = 0;
  std::int64_t due = 0;  ///< stream time, or the steady clock's
  bool cancelled = false;
};

}  // namespace klamm::inline v0::detail

namespace klamm::inline v0::runtime {

/// The punctuations of a task: which is next, and what the commit mark says of them. Owned by the task, on its worker's thread.
class Punctuations {
 public:
  using Schedule = detail::Schedule;

  /// Takes up a new one: as the mark knows it, else due at 0 (stream time) or `every` after `steady_ms`.
  void add(std::shared_ptr<Schedule> schedule, const CommitMark& settled, std::int64_t steady_ms);
  /// The one that comes first among those that are due at `now`: by their times, then in the order in which they were made. Null if none
  /// is.
  [[nodiscard]] std::shared_ptr<Schedule> due(Time time, std::int64_t now) const;
  /// It has fired at `now`: due again at its next multiple.
  static void fired(Schedule& schedule, std::int64_t now);
  /// The earliest time at which one is due; the greatest there is if none ever is.
  [[nodiscard]] std::int64_t next(Time time) const;

  void save(CommitMark& mark) const;
  /// Their processors have gone.
  void clear();

 private:
  std::vector<std::shared_ptr<Schedule>> schedules_;
};

}  // namespace klamm::inline v0::runtime
