#include "app/app_impl.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "app/stderr_log.hpp"
#include "graph/graph.hpp"

namespace klamm::inline v0 {
namespace {

constexpr int round_ms = 50;  // of the coordinator
/// How long who stops waits for a log that is away, to commit what is done: nothing is lost without, it is done again.
constexpr std::int64_t away_patience_ms = 10'000;

thread_local const void* own_application = nullptr;

}  // namespace

OwnThread::OwnThread(const void* application) : before_{std::exchange(own_application, application)} {}
OwnThread::~OwnThread() { own_application = before_; }
void OwnThread::becomes(const void* application) { own_application = application; }
bool OwnThread::of(const void* application) { return own_application == application; }

App::Impl::Impl(const Topology& t, AppOptions o)
    : topology{t}, options{std::move(o)}, logger{options.log_sink ? options.log_sink : stderr_log(), ports::system_clock()} {}

Status App::Impl::open() {
  if (Status wrong = check(options); !wrong.ok()) return wrong;
  background = ports::background_thread("klamm-bg");
  Result<OpenedLog> log = open_log(options, application_id, logger);
  if (!log.ok()) return log.status();
  auto opened = std::make_shared<Running>();
  opened->state = std::move(log->state);
  opened->log = std::move(log->log);
  opened->engine = std::make_unique<runtime::Engine>(topology.graph(), application_id, settings_of(options, log->state_dir), *opened->log,
                                                     ports::system_clock(), *background, logger);
  engine = opened->engine.get();
  const std::lock_guard lock{mutex};
  running = opened;
  return {};
}

Status App::Impl::begin() {
  if (!running->log->connected()) return {Code::unavailable, running->log->where() + ": can't be reached"};
  if (Status started = engine->start(options.threads, running->log->default_partitions()); !started.ok()) return started;
  if (Status failed = engine->coordinate(); !failed.ok()) return failed;
  {
    const std::lock_guard lock{mutex};
    begun = true;
  }
  set_state(engine->restoring() ? State::restoring : State::running);
  engine->run([this](int worker) {
    OwnThread::becomes(this);
    if (options.on_thread_start) options.on_thread_start(worker);
  });
  return {};
}

void App::Impl::coordinate() {
  const OwnThread own{this};
  Status failed;
  while (!begun && !stop.raised()) {
    follow_log();
    stop.wait(round_ms);
    if (stop.raised()) break;
    failed = begin();
    if (!failed.ok() && failed.code() != Code::unavailable) break;
  }
  if (!begun) return finish(failed.code() == Code::unavailable ? Status{} : failed);
  while (!stop.raised()) {
    if (failed = engine->coordinate(); !failed.ok()) break;
    if (failed = engine->failure(); !failed.ok()) break;
    follow_log();
    if (state == State::restoring) report_restore();
    stop.wait(round_ms);
  }
  set_state(State::stopping);
  // So that nobody waits for room that will never come.
  producers.close(failed.ok() ? Status{Code::cancelled, about() + "has stopped", application_id} : failed);
  engine->request_stop();
  const std::int64_t patient_until = ports::system_clock().steady_ms() + away_patience_ms;
  while (!engine->finished()) {
    const Status out = engine->coordinate();  // the last commits may have to wait until members have joined
    const bool given_up = !running->log->connected() && ports::system_clock().steady_ms() > patient_until;
    std::unique_lock lock{mutex};
    if (abandon || given_up || !out.ok()) engine->abandon();
    changed.wait_for(lock, std::chrono::milliseconds{2});
  }
  engine->join_threads();
  finish(failed.ok() ? engine->failure() : failed);
}

void App::Impl::finish(const Status& why) {
  if (background != nullptr) background->drain();
  if (!why.ok() && state != State::starting) logger(Level::error, "app", why.message());
  producers.close(why.ok() ? Status{Code::cancelled, about() + "has stopped", application_id} : why);
  std::shared_ptr<Running> ended;
  {
    const std::lock_guard lock{mutex};
    if (engine != nullptr && begun) last = figures_of(*engine);
    last.tasks.clear();
    last.stores.clear();
    last.standbys.clear();
    ended.swap(running);
    status = why;
  }
  // Lets go of the directory, as soon as nobody is in a call.
  ended.reset();
  set_state(why.ok() ? State::stopped : State::failed);
}

void App::Impl::set_state(State next) {
  {
    const std::lock_guard lock{mutex};
    if (state == next) return;
    state = next;
  }
  try {
    if (listener) listener(next);
  } catch (...) {
    logger(Level::error, "app", std::string{"the on_state listener threw at state "} + next.name());
  }
  changed.notify_all();
}

void App::Impl::follow_log() {
  const bool connected = begun && running->log->connected();
  if (connected == (state != State::disconnected)) return;
  if (connected) {
    logger(Level::info, "log", running->log->where() + ": can be reached again");
    return set_state(engine->restoring() ? State::restoring : State::running);
  }
  logger(Level::warning, "log", running->log->where() + ": can't be reached, waiting for it");
  set_state(State::disconnected);
}

void App::Impl::report_restore() {
  std::int64_t restored = 0, total = 0;
  for (const auto& task : engine->figures()) {
    restored += task->restored;
    total += task->restore_total;
  }
  if (!engine->restoring()) {
    if (total != 0) logger(Level::info, "restore", "restored " + std::to_string(restored) + " changelog records");
    return set_state(State::running);
  }
  const std::int64_t now = ports::system_clock().steady_ms();
  if (restore_started_ms == 0) restore_started_ms = restore_reported_ms = now;
  if (now - restore_reported_ms < 1000) return;
  restore_reported_ms = now;
  const double rate = static_cast<double>(restored) * 1000.0 / static_cast<double>(std::max<std::int64_t>(1, now - restore_started_ms));
  const std::int64_t left = rate > 0 ? static_cast<std::int64_t>(static_cast<double>(total - restored) / rate) : 0;
  logger(Level::info, "restore", "restoring: " + std::to_string(restored) + " of at most " + std::to_string(total) + " changelog records",
         {{"records_per_second", std::to_string(static_cast<std::int64_t>(rate))}, {"seconds_left", std::to_string(left)}});
}

}  // namespace klamm::inline v0
