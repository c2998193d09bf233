#include "runtime/punctuation.hpp"

#include <algorithm>

namespace klamm::inline v0::runtime {
namespace {

constexpr std::int64_t never = INT64_MAX;

}  // namespace

void Punctuations::add(std::shared_ptr<Schedule> schedule, const CommitMark& settled, std::int64_t steady_ms) {
  schedule->due = schedule->time == Time::stream ? 0 : steady_ms + schedule->every;
  if (schedule->number >= 0) {
    for (const CommitMark::Punctuation& known : settled.punctuations) {
      if (known.owner != schedule->owner || known.number != schedule->number || known.time != schedule->time ||
          known.every != schedule->every)
        continue;
      schedule->cancelled = known.cancelled;
      if (known.time == Time::stream) schedule->due = known.due;
    }
  }
  schedules_.push_back(std::move(schedule));
}

std::shared_ptr<detail::Schedule> Punctuations::due(Time time, std::int64_t now) const {
  std::shared_ptr<Schedule> first;
  for (const auto& schedule : schedules_) {
    if (schedule->time == time && !schedule->cancelled && schedule->due <= now && (first == nullptr || schedule->due < first->due))
      first = schedule;
  }
  return first;
}

void Punctuations::fired(Schedule& schedule, std::int64_t now) {
  schedule.due += ((now - schedule.due) / schedule.every + 1) * schedule.every;
}

std::int64_t Punctuations::next(Time time) const {
  std::int64_t first = never;
  for (const auto& schedule : schedules_) {
    if (schedule->time == time && !schedule->cancelled) first = std::min(first, schedule->due);
  }
  return first;
}

void Punctuations::save(CommitMark& mark) const {
  for (const auto& schedule : schedules_) {
    // Of the wall clock's only those that are cancelled are worth remembering: the others begin anew.
    if (schedule->number < 0 || (schedule->time == Time::wall_clock && !schedule->cancelled)) continue;
    mark.punctuations.push_back({schedule->owner, schedule->number, schedule->time, schedule->every,
                                 schedule->time == Time::stream ? schedule->due : 0, schedule->cancelled});
  }
}

void Punctuations::clear() {
  for (const auto& schedule : schedules_) {
    schedule->context = nullptr;
    schedule->cancelled = true;
    schedule->f = {};
  }
  schedules_.clear();
}

}  // namespace klamm::inline v0::runtime
