#include "klamm/app.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "app/app_impl.hpp"
#include "graph/graph.hpp"

namespace klamm::inline v0 {
namespace {

constexpr Duration destructor_deadline{10'000};
constexpr std::chrono::milliseconds abandon_grace{500};

/// Deadlines beyond a year are a year: none overflows.
std::chrono::milliseconds bounded(Duration d) {
  constexpr std::int64_t year = std::int64_t{365} * 24 * 3600 * 1000;
  return std::chrono::milliseconds{std::clamp<std::int64_t>(d.milliseconds(), 0, year)};
}

}  // namespace

App::App(const Topology& topology, AppOptions options) : impl_{std::make_unique<Impl>(topology, std::move(options))} {}

App::~App() {
  if (!stop(destructor_deadline).ok()) static_cast<void>(wait());
}

Status App::start() {
  Impl& app = *impl_;
  const OwnThread own{&app};
  {
    const std::lock_guard lock{app.mutex};
    if (app.state != State::created)
      return {Code::failed_precondition, "application \"" + app.application_id + "\": start() was called before"};
    app.application_id = app.options.application_id.empty() ? app.topology.graph().name : app.options.application_id;
  }
  app.set_state(State::starting);
  Status status = app.open();
  const bool opened = status.ok();
  if (opened) status = app.begin();
  // A log that is away is waited for, by the coordinator; one that can't be opened is not.
  if (!status.ok() && !(opened && status.code() == Code::unavailable)) {
    app.finish(status);
    return status;
  }
  const std::lock_guard lock{app.joining};
  app.coordinator = std::thread{[&app] { app.coordinate(); }};
  return {};
}

void App::request_stop() { impl_->stop.raise(); }

Status App::stop(Duration deadline) {
  Impl& app = *impl_;
  app.stop.raise();
  if (OwnThread::of(&app)) return app.only_elsewhere("stop()");
  {
    std::unique_lock lock{app.mutex};
    if (app.state == State::created) return {};
    const auto ended = [&app] { return app.state.final(); };
    if (!app.changed.wait_for(lock, bounded(deadline), ended)) {
      app.abandon = true;  // who is between two records stops at once, without a commit
      if (app.begun && app.running != nullptr) app.running->engine->abandon();  // the coordinator may wait for a last commit itself
      if (!app.changed.wait_for(lock, abandon_grace, ended)) {
        return {Code::unavailable,
                "application \"" + app.application_id + "\": did not stop in " + std::to_string(deadline.milliseconds()) +
                    " ms: a worker is still in a function of the topology; what it has not committed is done again at the next start",
                app.application_id};
      }
    }
  }
  return wait();
}

Status App::wait() {
  Impl& app = *impl_;
  if (OwnThread::of(&app)) return app.only_elsewhere("wait()");
  {
    std::unique_lock lock{app.mutex};
    if (app.state == State::created) return {};
    app.changed.wait(lock, [&app] { return app.state.final(); });
  }
  {
    const std::lock_guard lock{app.joining};
    if (app.coordinator.joinable()) app.coordinator.join();
  }
  const std::lock_guard lock{app.mutex};
  return app.status;
}

Result<bool> App::drain(Duration deadline) {
  Impl& app = *impl_;
  if (OwnThread::of(&app)) return app.only_elsewhere("drain()");
  const std::int64_t end = ports::system_clock().steady_ms() + bounded(deadline).count();
  app.producers.flush();
  for (;;) {
    std::shared_ptr<Running> running;
    {
      const std::lock_guard lock{app.mutex};
      if (app.state == State::created) return Status{Code::failed_precondition, "drain(): the application is not started"};
      if (app.state == State::failed) return app.status;
      if (app.state == State::stopping || app.state == State::stopped)
        return Status{Code::cancelled, "application \"" + app.application_id + "\": was stopped before all was processed",
                      app.application_id};
      if (app.begun) running = app.running;
    }
    // Before it has begun the log is away; a commit that is under way hides the offsets before it.
    Result<bool> done = running == nullptr ? Result<bool>{false} : running->engine->drained();
    if (done.ok() ? *done : done.status().code() != Code::unavailable) return done;
    running.reset();
    if (ports::system_clock().steady_ms() >= end) return false;
    std::unique_lock lock{app.mutex};
    // On Kafka a look asks brokers for every partition.
    app.changed.wait_for(lock, std::chrono::milliseconds{app.options.log.kind() == LogChoice::Kind::kafka ? 50 : 5});
  }
}

void App::on_state(Callback<void(State)> listener) { impl_->listener = std::move(listener); }

detail::RawProducer App::raw_producer(const std::string& topic, const std::string& feeder) {
  Impl& app = *impl_;
  std::shared_ptr<Running> running;
  {
    const std::lock_guard lock{app.mutex};
    if (app.begun) running = app.running;
  }
  if (running == nullptr)
    return Producers::refusing({Code::failed_precondition, "producer for topic \"" + topic + "\": the application is not running", topic});
  return app.producers.open(*running->log, topic, feeder);
}

}  // namespace klamm::inline v0
