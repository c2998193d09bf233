#pragma once

#include <optional>
#include <vector>

#include "klamm/detail/window_keeper.hpp"

namespace klamm::inline v0::detail {

/// Sliding windows, each with both its ends: one ends at each record (its *left* one), one begins right behind it (its *right* one) if a
/// record is in there. Only windows with other contents than all before are made. Records before `difference` share one window that begins
/// at 0.
///
/// Per record: the windows that cover it, from the latest to the earliest; then the right window of the record before it, its left one, and
/// its right one. As Kafka Streams does (KIP-450).
template <class K, class V, class In, class A, class Update> class SlidingStage final : public WindowStage<K, V, In, A, SlidingWindows> {
 public:
  SlidingStage(const WindowedTableSpec<SlidingWindows>& spec, A start, Update update)
      : WindowStage<K, V, In, A, SlidingWindows>{spec, std::move(start)}, update_{std::move(update)} {}

 protected:
  [[nodiscard]] Stage* copy() const override { return new SlidingStage(*this); }
  void bind(Task& task) override {
    if constexpr (requires { update_.bind(); }) update_.bind();
    this->open(task, *this);
  }

  void take(const K& key, const In& value, const RecordContext& record) override {
    const std::int64_t time = record.timestamp.milliseconds(), difference = this->spec_.windows.difference;
    if (this->closed(time + difference)) return this->late(time + difference, record);
    key_slot_ = &key;
    value_ = &value;
    own_right_exists_ = has_right_ = has_left_ = false;
    previous_.reset();
    if (time < difference)
      take_early(time, record);
    else
      take_late_enough(time, difference, record);
  }

 private:
  /// While no window could begin at `time - difference`: the combined window takes the place of the left one.
  void take_early(std::int64_t time, const RecordContext& record) {
    this->store_->times(BytesView{this->key_}, 0, time + 1, found_);
    for (const RowTime& window : found_) {
      const Row<A>& row = *this->store_->find(BytesView{this->key_}, window);
      if (window.first == 0) {
        if (row.timestamp.milliseconds() < time) previous_ = row.timestamp.milliseconds();
        // Until another one is found: what came later than this record is all in its right window.
        if (row.timestamp.milliseconds() > time) set_right(row);
      } else if (window.first <= time) {
        set_right(row);
        add_to(window.first, record);
        if (record.task->halted()) return;
      } else {
        own_right_exists_ = true;
      }
    }
    make_own_right(time, record);
    if (previous_ && !exists(*previous_ + 1)) add_to(*previous_ + 1, record);
    add_to(0, record);
  }

  void take_late_enough(std::int64_t time, std::int64_t difference, const RecordContext& record) {
    this->store_->times(BytesView{this->key_}, time - 2 * difference, time + 1, found_);
    bool left_exists = false;
    for (std::size_t i = found_.size(); i-- > 0;) {
      const std::int64_t start = found_[i].first, end = start + difference;
      if (start == time + 1) {
        own_right_exists_ = true;
        continue;
      }
      const Row<A>& row = *this->store_->find(BytesView{this->key_}, found_[i]);
      const std::int64_t newest = row.timestamp.milliseconds();
      if (end < time) {
        left_ = row.value;
        has_left_ = true;
        previous_ = newest;
        break;
      }
      if (end > time && !has_right_) set_right(row);
      if (end == time) left_exists = true;
      add_to(start, record);
      if (record.task->halted()) return;
      if (end != time) continue;
      if (newest >= time) return;  // another record of this time has made all that this one would
      previous_ = newest;
    }
    if (previous_ && !exists(*previous_ + 1) && *previous_ + 1 + difference >= time) add_to(*previous_ + 1, record);
    if (!left_exists && !record.task->halted()) make_left(time, difference, record);
    make_own_right(time, record);
  }

  void set_right(const Row<A>& row) {
    right_ = row.value;
    right_time_ = row.timestamp;
    has_right_ = true;
  }
  [[nodiscard]] bool exists(std::int64_t start) const {
    for (const RowTime& window : found_) {
      if (window.first == start) return true;
    }
    return false;
  }
  /// Adds the record to a window, which is made if need be.
  void add_to(std::int64_t start, const RecordContext& record) {
    const std::int64_t end = start + this->spec_.windows.difference;
    if (this->closed(end)) return this->late(end, record);
    this->update(*key_slot_, {start, 0}, record,
                 [&](A& total, bool added, RecordContext& context) { return update_(total, added, *key_slot_, *value_, context); });
  }
  /// The window right behind the record has what came later, without the record.
  void make_own_right(std::int64_t time, const RecordContext& record) {
    if (own_right_exists_ || !has_right_ || right_time_.milliseconds() <= time || record.task->halted()) return;
    RecordContext context = record;
    context.timestamp = right_time_;
    Row<A>& row = this->store_->change(BytesView{this->key_}, {time + 1, 0});
    row.value = right_;
    this->close(*key_slot_, {time + 1, 0}, row, Entry::keep, nullptr, context);
  }
  /// The window that ends at the record begins with what the one before had, if the record before is in there.
  void make_left(std::int64_t time, std::int64_t difference, const RecordContext& record) {
    if (this->closed(time)) return this->late(time, record);
    const bool goes_on = has_left_ && previous_ && time - difference <= *previous_;
    // It may be there already, as the right window of the record before: then it begins anew.
    this->update(*key_slot_, {time - difference, 0}, record, [&](A& total, bool, RecordContext& context) {
      total = goes_on ? left_ : this->start_;
      return update_(total, !goes_on, *key_slot_, *value_, context);
    });
  }

  Update update_;
  std::vector<RowTime> found_;
  // Of the record at work.
  const K* key_slot_ = nullptr;
  const In* value_ = nullptr;
  A left_{}, right_{};
  Timestamp right_time_;
  std::optional<std::int64_t> previous_;  // the time of the record before
  bool has_left_ = false, has_right_ = false, own_right_exists_ = false;
};

}  // namespace klamm::inline v0::detail
