#pragma once

#include <vector>

#include "klamm/detail/window_keeper.hpp"

namespace klamm::inline v0::detail {

/// How counts and reduced values of two sessions become one; `added`: the total has nothing yet.
struct CountMerge {
  void operator()(std::int64_t& total, bool, const std::int64_t& found) const { total += found; }
};
template <class F> struct ReduceMerge {
  F f;
  template <class V> void operator()(V& total, bool added, const V& found) const {
    if (added)
      total = found;
    else if constexpr (std::is_void_v<std::invoke_result_t<const F&, V&, const V&>>)
      invoke(f, total, found);
    else
      total = plain_of(invoke(f, total, found));
  }

 private:
  template <class T> static decltype(auto) plain_of(T&& result) {
    if constexpr (optional_v<std::remove_cvref_t<T>>)
      return *static_cast<T&&>(result);
    else
      return static_cast<T&&>(result);
  }
};
template <class F> struct FoldMerge {
  F f;
  template <class A> void operator()(A& total, bool, const A& found) const {
    if constexpr (std::is_void_v<std::invoke_result_t<const F&, A&, const A&>>)
      invoke(f, total, found);
    else
      total = invoke(f, total, found);
  }
};

/// Sessions: a record takes the open sessions within the gap into its own, in the order of their ends, and then itself. Those it took are
/// erased first, with tombstones at their ends.
template <class K, class V, class In, class A, class Update, class Merge>
class SessionStage final : public WindowStage<K, V, In, A, SessionWindows> {
 public:
  SessionStage(const WindowedTableSpec<SessionWindows>& spec, A start, Update update, Merge merge)
      : WindowStage<K, V, In, A, SessionWindows>{spec, std::move(start)}, update_{std::move(update)}, merge_{std::move(merge)} {}

 protected:
  [[nodiscard]] Stage* copy() const override { return new SessionStage(*this); }
  void bind(Task& task) override {
    if constexpr (requires { update_.bind(); }) update_.bind();
    this->open(task, *this);
  }

  void take(const K& key, const In& value, const RecordContext& record) override {
    const std::int64_t time = record.timestamp.milliseconds(), gap = this->spec_.windows.gap;
    const RowTime alone{time, time};
    const RowTime merged = find(time, gap);
    if (this->closed(merged.first)) return this->late(merged.first, record);

    total_ = this->start_;
    bool added = true;
    for (const RowTime& session : found_) {
      const Row<A>* row = this->store_->find(BytesView{this->key_}, session);
      if (row == nullptr) continue;
      merge_(total_, added, row->value);
      added = false;
    }
    RecordContext context = record;
    at_work(this->node, context);
    const Entry entry = update_(total_, added, key, value, context);

    if (merged != alone) {
      for (const RowTime& session : found_) {
        erase(key, session, record);
        if (record.task->halted()) return;
      }
    }
    Row<A>& row = this->store_->change(BytesView{this->key_}, merged);
    const A* old = row.present() ? this->kept(row.value) : nullptr;
    row.value = total_;
    context = record;
    context.timestamp = Timestamp{merged.first};
    this->close(key, merged, row, entry, old, context);
  }

 private:
  /// Looks for the open sessions within the gap and returns the one that they become with a record at `time`.
  RowTime find(std::int64_t time, std::int64_t gap) {
    // What is closed is not found, though its row may still be there.
    const std::int64_t open = this->stream_time() - this->spec_.windows.hold() + 1;
    this->store_->times(BytesView{this->key_}, std::max(time - gap, open), INT64_MAX, found_);
    RowTime merged{time, time};
    std::size_t kept = 0;
    for (const RowTime& session : found_) {
      if (session.second > time + gap) continue;
      found_[kept++] = session;
      merged.first = std::max(merged.first, session.first);
      merged.second = std::min(merged.second, session.second);
    }
    found_.resize(kept);
    return merged;
  }
  void erase(const K& key, RowTime session, const RecordContext& record) {
    Row<A>& row = this->store_->change(BytesView{this->key_}, session);
    const A* old = this->kept(row.value);
    RecordContext context = record;
    context.timestamp = Timestamp{session.first};
    this->close(key, session, row, Entry::erase, old, context);
  }

  Update update_;
  Merge merge_;
  A total_{};
  std::vector<RowTime> found_;
};

}  // namespace klamm::inline v0::detail
