#include <algorithm>

#include "app/app_impl.hpp"
#include "graph/graph.hpp"

// What an application tells of itself.

namespace klamm::inline v0 {

const char* State::name() const {
  static constexpr const char* names[] = {"created", "starting", "restoring", "running", "disconnected", "stopping", "stopped", "failed"};
  return names[value_];
}

std::int64_t AppStatus::lag() const {
  std::int64_t sum = 0;
  for (const TaskStatus& task : tasks) sum += task.lag;
  return sum;
}

AppStatus App::Impl::figures_of(const runtime::Engine& of) const {
  AppStatus result;
  for (const auto& task : of.figures()) {
    result.processed += task->processed;
    result.skipped += task->skipped;
    result.dropped += task->dropped;
    for (std::size_t node = 0; node < task->operators.size(); ++node) {
      const auto& found = task->operators[node];
      if (found.skipped == 0 && found.dropped == 0) continue;
      const std::string& name = topology.graph().nodes[node].name;
      auto known =
          std::find_if(result.operators.begin(), result.operators.end(), [&name](const OperatorStatus& op) { return op.name == name; });
      if (known == result.operators.end()) known = result.operators.insert(known, OperatorStatus{.name = name});
      known->skipped += found.skipped;
      known->dropped += found.dropped;
      known->late += found.late;
      known->greatest_lateness = std::max(known->greatest_lateness, Duration{found.greatest_lateness_ms});
    }
    if (task->closed) continue;
    TaskStatus& one = result.tasks.emplace_back(
        TaskStatus{task->sub_topology, task->partition, task->worker, task->lag, task->restoring, task->restored, task->restore_total});
    one.had_standby = task->had_standby;
    if (const std::int64_t since = task->restore_began_ms; one.restoring && since != 0) {
      const std::int64_t took = std::max<std::int64_t>(1, of.clock().steady_ms() - since);
      one.restore_rate = one.restored * 1'000 / took;
      if (one.restored > 0) one.restore_left = Duration{(one.restore_total - one.restored) * took / one.restored};
    }
    for (const auto& [name, store] : task->stores) {
      const std::lock_guard lock{store.figures->mutex};
      const detail::StoreFigures& of_it = store.figures->store;
      result.stores.push_back({name, task->partition, of_it.rows, of_it.memory_bytes, of_it.memory_limit, of_it.dirty_bytes,
                               of_it.checkpoints, of_it.evicted, of_it.file_reads, of_it.held_back});
    }
  }
  if (const runtime::Standbys* standbys = of.standbys(); standbys != nullptr) {
    for (const runtime::StandbyFigures& each : standbys->figures())
      result.standbys.push_back({each.store, each.partition, each.lag, each.restored, each.rows});
    result.standby_hits = standbys->hits();
    result.standby_misses = standbys->misses();
  }
  for (const auto& worker : of.workers()) {
    result.commits += worker->figures().commits;
    result.aborts += worker->figures().aborts;
    result.held_back += worker->figures().held_back;
  }
  return result;
}

AppStatus App::status() const {
  const Impl& app = *impl_;
  std::shared_ptr<Running> running;
  AppStatus result;
  State state = State::created;
  Status status;
  {
    const std::lock_guard lock{app.mutex};
    state = app.state;
    status = app.status;
    if (app.begun) running = app.running;
    result = app.last;
  }
  if (running != nullptr) result = app.figures_of(*running->engine);
  result.state = state;
  result.status = status;
  return result;
}

}  // namespace klamm::inline v0
