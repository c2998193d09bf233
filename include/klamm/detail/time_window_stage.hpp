#pragma once

#include "klamm/detail/window_keeper.hpp"

namespace klamm::inline v0::detail {

/// Tumbling and hopping windows: a record goes into each window that covers it and is not closed, the earliest first.
template <class K, class V, class In, class A, class Update> class TimeWindowStage final : public WindowStage<K, V, In, A, TimeWindows> {
 public:
  TimeWindowStage(const WindowedTableSpec<TimeWindows>& spec, A start, Update update)
      : WindowStage<K, V, In, A, TimeWindows>{spec, std::move(start)}, update_{std::move(update)} {}

 protected:
  [[nodiscard]] Stage* copy() const override { return new TimeWindowStage(*this); }
  void bind(Task& task) override {
    if constexpr (requires { update_.bind(); }) update_.bind();
    this->open(task, *this);
  }

  void take(const K& key, const In& value, const RecordContext& record) override {
    const auto& [size, advance, grace] = this->spec_.windows;
    const std::int64_t time = record.timestamp.milliseconds();
    for (std::int64_t start = std::max<std::int64_t>(0, time - size + advance) / advance * advance; start <= time; start += advance) {
      if (this->closed(start + size)) {
        this->late(start + size, record);
        continue;
      }
      this->update(key, {start, 0}, record,
                   [&](A& total, bool added, RecordContext& context) { return update_(total, added, key, value, context); });
      if (record.task->halted()) return;
    }
  }

 private:
  Update update_;
};

}  // namespace klamm::inline v0::detail
