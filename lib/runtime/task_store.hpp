#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>

#include "klamm/detail/store.hpp"
#include "log/log.hpp"
#include "runtime/commit_mark.hpp"
#include "runtime/environment.hpp"

namespace klamm::inline v0::runtime {

/// The figures of a store, for any thread.
struct PublishedFigures {
  mutable std::mutex mutex;
  detail::StoreFigures store;
};

/// A store of a task, and its changelog: opened, restored, drained at commits. Owned by the task, on its worker's thread. Or a standby's:
/// opened, and restored again and again.
class TaskStore {
 public:
  enum class Role : unsigned char { task, standby };
  TaskStore(Environment& environment, const StorePlan& plan, log::Partition partition, Role role = Role::task);

  /// Opens the file. `known`: what the commit mark says of this store, or null. `input_committed`: of the source topic that serves as its
  /// changelog.
  Status open(const CommitMark::Store* known, log::Offset input_committed);
  enum class Restored : unsigned char { some, all, waits };
  /// Replays some of the changelog, up to where the last commit's mark says it ends. `waits`: for a serde, for the log, or for a log that
  /// shows commits late.
  Result<Restored> restore_some(std::size_t limit);
  /// Of a standby: the owner has committed more, up to where `restore_some` goes on. Not ok: it can't, and is to be opened anew.
  Status follow(const CommitMark::Store& known, log::Offset input_committed);
  /// Of a standby: offsets up to where it is to go on.
  [[nodiscard]] log::Offset lag() const;

  /// Time has passed: the store may be due for a checkpoint, or have memory to give to others, and the changelog may let go of tombstones.
  /// True: to be called again soon.
  bool tick(std::int64_t steady_ms);
  /// Begins a commit and writes what was changed since the last one to the changelog.
  Status drain(log::Producer& producer);
  /// Looks whether somebody else has written to the changelog since the last commit: who was frozen, and does not know yet that he has lost
  /// the partition. What he has touched is written again with a later commit.
  void look_for_others(std::span<const log::Producer::Prepared::End> ends);
  [[nodiscard]] bool has_to_write_again() const { return !write_again_.empty(); }
  /// Whether it is not known yet what that is.
  [[nodiscard]] bool looks_for_others() const { return others_from_ < others_end_; }
  /// What the mark of the commit that was drained shall say, whose records end at `ends`. `input_position`: of the source topic, where that
  /// is the changelog.
  [[nodiscard]] CommitMark::Store mark(std::span<const log::Producer::Prepared::End> ends, log::Offset input_position) const;
  Status settle(const CommitMark::Store& mark);
  /// Drops what is not settled.
  void abort();
  [[nodiscard]] bool had_standby() const { return had_standby_; }
  [[nodiscard]] bool is_open() const { return open_; }
  /// The store, for somebody else to keep: this object is done.
  KeptStore release();
  /// Writes the file as of the last commit.
  Status close() { return store_->close(); }

  [[nodiscard]] const StorePlan& plan() const { return plan_; }
  [[nodiscard]] detail::StoreBase& store() { return *store_; }
  Status attach(log::Producer& producer);
  [[nodiscard]] const std::shared_ptr<PublishedFigures>& figures() const { return figures_; }
  [[nodiscard]] std::int64_t restored() const { return restored_; }
  [[nodiscard]] std::int64_t restore_total() const { return restore_end_ - restore_begin_; }

 private:
  /// Whether a store was kept that fits, and is this one's now.
  bool take_kept(const log::Bounds& bounds);
  /// Says where the rows come from, when others have had them.
  void report_take_over(bool from_here) const;
  Restored pause() {
    retry_at_ms_ = env_->clock.steady_ms() + 100;
    return Restored::waits;
  }
  [[nodiscard]] Status records_lost(log::Offset end) const;
  void publish(std::int64_t steady_ms);
  /// Lets go of the part of the changelog in which everything has expired.
  void purge();
  [[nodiscard]] std::string holds() const;
  /// Of the next record that is to be restored.
  [[nodiscard]] log::Offset position() const;
  Status restore_one(const RawMessage& message);
  [[nodiscard]] const log::Producer::Prepared::End* own(std::span<const log::Producer::Prepared::End> ends) const;
  void read_others();
  Status drain_again(log::Producer& producer);

  Environment* env_;
  const StorePlan& plan_;
  log::TopicPartition changelog_;
  const Role role_;
  bool open_ = false;
  bool had_standby_ = false;
  std::unique_ptr<detail::StoreBase> store_;
  std::string lineage_;
  Types types_;
  Written written_;                // what is in the changelog, if it is the store's own
  log::Offset changelog_end_ = 0;  // behind the newest record of the last commit
  std::unique_ptr<log::Reader> reader_;
  log::Offset restore_begin_ = 0, restore_end_ = 0;
  std::int64_t restored_ = 0;
  std::int64_t retry_at_ms_ = 0;
  std::int64_t late_since_ms_ = -1;  // the log has not shown more since, though there must be more
  log::Offset restored_from_ = 0;    // as the log was told
  log::Producer::Topic topic_ = 0;
  bool expires_ = false;                                              // windows; else the rest is not used
  std::map<std::uint64_t, log::Offset> segments_, settled_segments_;  // as the next mark shall say, and as the last one did
  log::Offset expired_ = 0;                                           // everything below has expired, as of the last commit
  log::Offset purged_ = 0;                                            // as the log was told
  // What somebody else has written: the part of the changelog that is to be looked at, the keys found there, and those in flight.
  log::Offset others_from_ = 0, others_end_ = 0;
  std::unique_ptr<log::Reader> others_;
  std::set<Bytes> write_again_, writing_again_;
  std::shared_ptr<PublishedFigures> figures_ = std::make_shared<PublishedFigures>();
  std::int64_t published_ms_ = 0;
};

}  // namespace klamm::inline v0::runtime
