#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/assignment.hpp"
#include "runtime/environment.hpp"
#include "runtime/standby.hpp"

namespace klamm::inline v0::runtime {

/// A standby's store, for anybody to see.
struct StandbyFigures {
  std::string store;
  log::Partition partition = 0;
  std::int64_t lag = 0;  ///< records of the changelog up to the owner's last known commit; an upper bound: compaction leaves gaps
  std::int64_t restored = 0;
  std::size_t rows = 0;
};

/// The standbys of this instance: where the group's own rules would bring a partition when its owner dies (succession.hpp), its stores are
/// here already.
///
///     members of the group ─▶ who follows whom ─▶ a standby for each partition that would come here
///     committed offsets of each ─▶ follow ─▶ replay some ─▶ … ─▶ given to the task when the partition comes
///
/// Has a thread of its own, or is stepped by the caller's. Owned by the engine; outlives the tasks' opening.
class Standbys {
 public:
  Standbys(Environment& environment, const Assignment& assignment);
  ~Standbys();

  /// Starts the thread.
  void run();
  void request_stop();
  /// Waits for the thread, which writes the files at its end.
  void join();
  /// Does what is due; true when it has replayed something. In place of `run`, with `close_all` at the end.
  bool step();
  /// Writes the files: there are no standbys any more.
  void close_all();
  /// Takes the stores as a crash would leave them on disk.
  void crash(KeptStores& kept);

  // Any thread.
  /// Partitions have moved: looks at the group soon.
  void group_changed();
  /// Gives the stores of a partition to the task that opens there, by `Environment::kept`, if there is a standby with this one.
  void give(const std::string& store, log::Partition partition);
  /// A task has opened a store that was at work elsewhere: here it had a standby, or all of the changelog is to be replayed.
  void count(bool had_standby) { ++(had_standby ? hits_ : misses_); }
  [[nodiscard]] std::int64_t hits() const { return hits_; }
  [[nodiscard]] std::int64_t misses() const { return misses_; }
  [[nodiscard]] std::vector<StandbyFigures> figures() const;

 private:
  using Key = std::pair<std::size_t, log::Partition>;  // of the sub-topology in the plan
  struct Slot {
    std::unique_ptr<Standby> standby;
    std::int64_t follow_at_ms = 0;
  };

  void place(std::int64_t now);
  void follow(const Key& key, std::int64_t now);
  /// Keeps what it has for later.
  void close(Standby& standby);
  /// Begins anew with what is in the files.
  void drop(Slot& slot, const std::string& why);
  void let_go_of_kept();
  void publish();
  void loop();

  Environment& env_;
  const Assignment& assignment_;
  std::mutex mutex_;            // guards `slots_`, held for a slice of work at most
  std::map<Key, Slot> slots_;   // inserted and looked for by the thread that steps
  std::atomic<int> takers_{0};  // wait for `mutex_`
  std::atomic<bool> changed_{true}, stopping_{false};
  std::int64_t place_at_ms_ = 0;
  std::atomic<std::int64_t> hits_{0}, misses_{0};
  Sampler failed_;
  mutable std::mutex publishing_;
  std::vector<StandbyFigures> published_;
  std::mutex sleeping_;
  std::condition_variable wake_;
  std::thread thread_;
};

}  // namespace klamm::inline v0::runtime
