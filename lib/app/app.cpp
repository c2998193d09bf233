#include "klamm/app.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "app/raw_producer.hpp"
#include "app/stderr_log.hpp"
#include "graph/graph.hpp"
#include "log/embedded.hpp"
#include "log/partitioner.hpp"
#include "runtime/engine.hpp"
#include "runtime/query.hpp"

namespace klamm::inline v0 {
namespace {

constexpr int round_ms = 50;  // of the coordinator
constexpr int default_partitions = 4;
constexpr Duration destructor_deadline{10'000};
constexpr std::chrono::milliseconds abandon_grace{500};

/// A flag that a signal handler may raise and a thread can sleep on.
class StopSignal {
 public:
  StopSignal() : fd_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)} {}
  ~StopSignal() {
    if (fd_ >= 0) ::close(fd_);
  }
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  void raise() {
    if (::getpid() != owner_) return;  // a forked child touches nothing of its parent's
    raised_.store(true);
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(fd_, &one, sizeof one);
  }
  [[nodiscard]] bool raised() const { return raised_.load(); }
  void wait(int milliseconds) const {
    if (fd_ < 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds{milliseconds});
      return;
    }
    pollfd waited{fd_, POLLIN, 0};
    ::poll(&waited, 1, milliseconds);
  }

 private:
  const int fd_;
  const pid_t owner_ = ::getpid();
  std::atomic<bool> raised_{false};
};

/// What exists while the application runs. Shared with calls from other threads, so that it outlives those that are under way.
struct Running {
  std::unique_ptr<log::Log> log;
  std::unique_ptr<runtime::Engine> engine;  // before the log goes
};

/// The application whose own thread this is: a worker, the coordinator, or the one in `start`.
thread_local const void* own_application = nullptr;

class OwnThread {
 public:
  explicit OwnThread(const void* application) : before_{std::exchange(own_application, application)} {}
  ~OwnThread() { own_application = before_; }
  OwnThread(const OwnThread&) = delete;
  OwnThread& operator=(const OwnThread&) = delete;

 private:
  const void* const before_;
};

/// Deadlines beyond a year are a year: none overflows.
std::chrono::milliseconds bounded(Duration d) {
  constexpr std::int64_t year = std::int64_t{365} * 24 * 3600 * 1000;
  return std::chrono::milliseconds{std::clamp<std::int64_t>(d.milliseconds(), 0, year)};
}

Status check(const AppOptions& options) {
  std::string problems;
  const auto expect = [&problems](bool ok, const char* what) {
    if (!ok) problems += std::string{problems.empty() ? "" : "\n"} + "AppOptions::" + what;
  };
  expect(options.log.kind() != LogChoice::Kind::none, "log: no log is named: set it to klamm::embedded(directory) or klamm::in_memory()");
  expect(options.threads >= 1, "threads: expected at least 1");
  expect(options.partitions >= 0, "partitions: expected a count, or 0 for what the directory has");
  expect(options.max_pending_bytes >= 64 << 10, "max_pending_bytes: expected at least 64 KiB");
  expect(options.checkpoint_bytes >= 1, "checkpoint_bytes: expected at least 1");
  expect(options.memory_bytes.value_or(0) == 0 || options.log.kind() != LogChoice::Kind::in_memory,
         "memory_bytes: rows leave memory for files, and klamm::in_memory() has none: leave it out, or use klamm::embedded(directory)");
  expect(options.commit_interval.value_or(Duration{}).milliseconds() >= 0, "commit_interval: must not be negative");
  expect(options.checkpoint_interval.milliseconds() >= 1, "checkpoint_interval: expected at least a millisecond");
  expect(options.watchdog.milliseconds() >= 0, "watchdog: must not be negative");
  return problems.empty() ? Status{} : Status{Code::invalid_argument, problems};
}

}  // namespace

const char* State::name() const {
  static constexpr const char* names[] = {"created", "starting", "restoring", "running", "disconnected", "stopping", "stopped", "failed"};
  return names[value_];
}

std::int64_t AppStatus::lag() const {
  std::int64_t sum = 0;
  for (const TaskStatus& task : tasks) sum += task.lag;
  return sum;
}

struct App::Impl {
  Impl(const Topology& t, AppOptions o)
      : topology{t}, options{std::move(o)}, logger{options.log_sink ? options.log_sink : stderr_log(), ports::system_clock()} {}

  Result<std::unique_ptr<log::Log>> open_log() const;
  [[nodiscard]] runtime::Settings settings() const;
  Status open();
  /// Starts what runs. `unavailable`: nothing has been started, the log is away.
  Status begin();
  void flush_producers();
  void close_producers(const Status& why);
  /// Once there are `many` that nobody holds: a program that makes one for each record it sends doesn't pile them up.
  void let_go_of_producers(std::ptrdiff_t many);
  [[nodiscard]] AppStatus figures_of(const runtime::Engine& of) const;
  void coordinate();
  void finish(const Status& why);
  void set_state(State next);
  [[nodiscard]] Status only_elsewhere(const char* call) const {
    return {Code::failed_precondition, "application \"" + application_id + "\": " + call + " on its own thread would wait for itself",
            application_id};
  }
  void report_restore();
  /// Shows whether the log can be reached.
  void follow_log();

  const Topology& topology;
  const AppOptions options;
  runtime::Logger logger;
  std::string application_id;
  std::unique_ptr<ports::Executor> background;
  runtime::Engine* engine = nullptr;  // of `running`, for the coordinator
  StopSignal stop;
  std::mutex joining;
  std::thread coordinator;
  Callback<void(State)> listener;

  mutable std::mutex mutex;
  std::condition_variable changed;
  std::shared_ptr<Running> running;
  AppStatus last;  // when it stopped
  State state = State::created;
  Status status;
  bool begun = false, abandon = false, producers_closed = false;
  std::vector<std::shared_ptr<detail::RawProducer::Impl>> producers;  // kept till they are flushed: a user may have let go of them
  std::int64_t restore_reported_ms = 0, restore_started_ms = 0, restore_started_at = 0;
};

App::App(const Topology& topology, AppOptions options) : impl_{std::make_unique<Impl>(topology, std::move(options))} {}

App::~App() {
  if (!stop(destructor_deadline).ok()) static_cast<void>(wait());
}

Result<std::unique_ptr<log::Log>> App::Impl::open_log() const {
  if (options.log.kind() == LogChoice::Kind::in_memory) {
    log::MemoryOptions memory;
    memory.default_partitions = options.partitions > 0 ? options.partitions : default_partitions;
    if (options.log.retention() == Retention::until_committed) memory.retention = log::MemoryOptions::Retention::until_committed;
    memory.inlet_bytes = options.max_pending_bytes / 4;
    return log::memory_log(memory);
  }
  log::EmbeddedOptions embedded;
  embedded.directory = options.log.directory();
  embedded.application_id = application_id;
  embedded.new_directory_partitions = default_partitions;
  if (options.partitions > 0) embedded.default_partitions = options.partitions;
  return log::open_embedded(std::move(embedded));
}

runtime::Settings App::Impl::settings() const {
  runtime::Settings settings;
  settings.on_error = {options.on_decode_error.value_or(options.on_error), options.on_process_error.value_or(options.on_error),
                       options.on_produce_error.value_or(options.on_error)};
  settings.guarantee = options.guarantee;
  settings.commit_interval = options.commit_interval.value_or(Duration{options.guarantee == Guarantee::exactly_once ? 100 : 1'000});
  settings.max_pending_bytes = options.max_pending_bytes;
  settings.watchdog = options.watchdog;
  settings.checkpoint_interval = options.checkpoint_interval;
  settings.checkpoint_bytes = options.checkpoint_bytes;
  settings.memory_bytes = options.memory_bytes;
  if (options.log.kind() == LogChoice::Kind::embedded)
    settings.state_dir = options.state_dir.empty() ? options.log.directory() + "/stores" : options.state_dir;
  settings.purge_sources = options.log.retention() == Retention::until_committed;
  return settings;
}

Status App::Impl::open() {
  if (Status wrong = check(options); !wrong.ok()) return wrong;
  background = ports::background_thread("klamm-bg");
  auto opened = std::make_shared<Running>();
  Result<std::unique_ptr<log::Log>> log = open_log();
  if (!log.ok()) return log.status();
  opened->log = std::move(*log);
  opened->engine = std::make_unique<runtime::Engine>(topology.graph(), application_id, settings(), *opened->log, ports::system_clock(),
                                                     *background, logger);
  engine = opened->engine.get();
  {
    const std::lock_guard lock{mutex};
    running = opened;
  }
  return {};
}

Status App::Impl::begin() {
  if (Status started = engine->start(options.threads, running->log->default_partitions()); !started.ok()) return started;
  if (Status failed = engine->coordinate(); !failed.ok()) return failed;
  {
    const std::lock_guard lock{mutex};
    begun = true;
  }
  set_state(engine->restoring() ? State::restoring : State::running);
  engine->run([this](int worker) {
    own_application = this;
    if (options.on_thread_start) options.on_thread_start(worker);
  });
  return {};
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

void App::Impl::coordinate() {
  const OwnThread own{this};
  Status failed;
  while (!begun && !stop.raised()) {
    follow_log();
    stop.wait(round_ms);
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
  close_producers(failed);  // so that nobody waits for room that will never come
  engine->request_stop();
  while (!engine->finished()) {
    std::unique_lock lock{mutex};
    if (abandon) engine->abandon();
    changed.wait_for(lock, std::chrono::milliseconds{2});
  }
  engine->join_threads();
  finish(failed.ok() ? engine->failure() : failed);
}

void App::Impl::flush_producers() {
  std::vector<std::shared_ptr<detail::RawProducer::Impl>> open;
  {
    const std::lock_guard lock{mutex};
    open = producers;
    std::erase_if(producers, [](const auto& producer) { return producer.use_count() == 2; });  // `open` has the other
  }
  for (const auto& producer : open) static_cast<void>(detail::RawProducer{producer}.flush());
}

void App::Impl::let_go_of_producers(std::ptrdiff_t many) {
  {
    const std::lock_guard lock{mutex};
    if (std::count_if(producers.begin(), producers.end(), [](const auto& producer) { return producer.use_count() == 1; }) < many) return;
  }
  flush_producers();
}

void App::Impl::close_producers(const Status& why) {
  std::vector<std::shared_ptr<detail::RawProducer::Impl>> open;
  {
    const std::lock_guard lock{mutex};
    open.swap(producers);
    producers_closed = true;
  }
  for (const auto& producer : open)
    producer->close(why.ok() ? Status{Code::cancelled, "application \"" + application_id + "\": has stopped", application_id} : why);
}

void App::Impl::finish(const Status& why) {
  if (background != nullptr) background->drain();
  if (!why.ok() && state != State::starting) logger(Level::error, "app", why.message());
  close_producers(why);
  std::shared_ptr<Running> ended;
  {
    const std::lock_guard lock{mutex};
    if (engine != nullptr && begun) last = figures_of(*engine);
    last.tasks.clear();
    last.stores.clear();
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

void App::request_stop() { impl_->stop.raise(); }

Status App::stop(Duration deadline) {
  Impl& app = *impl_;
  app.stop.raise();
  if (own_application == &app) return app.only_elsewhere("stop()");
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
  if (own_application == &app) return app.only_elsewhere("wait()");
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
  if (own_application == &app) return app.only_elsewhere("drain()");
  const std::int64_t end = ports::system_clock().steady_ms() + bounded(deadline).count();
  app.flush_producers();
  for (;;) {
    std::shared_ptr<Running> running;
    {
      const std::lock_guard lock{app.mutex};
      if (app.state == State::created || (!app.begun && !app.state.final()))
        return Status{Code::failed_precondition, "drain(): the application is not started"};
      if (app.state == State::failed) return app.status;
      if (app.state != State::running && app.state != State::restoring && app.state != State::disconnected)
        return Status{Code::cancelled, "application \"" + app.application_id + "\": was stopped before all was processed",
                      app.application_id};
      running = app.running;
    }
    Result<bool> done = running->engine->drained();
    if (!done.ok() || *done) return done;
    running.reset();
    if (ports::system_clock().steady_ms() >= end) return false;
    std::unique_lock lock{app.mutex};
    app.changed.wait_for(lock, std::chrono::milliseconds{5});
  }
}

void App::on_state(Callback<void(State)> listener) { impl_->listener = std::move(listener); }

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
    result.tasks.push_back(
        {task->sub_topology, task->partition, task->worker, task->lag, task->restoring, task->restored, task->restore_total});
    for (const auto& [name, store] : task->stores) {
      const std::lock_guard lock{store.figures->mutex};
      const detail::StoreFigures& of_it = store.figures->store;
      result.stores.push_back({name, task->partition, of_it.rows, of_it.memory_bytes, of_it.memory_limit, of_it.dirty_bytes,
                               of_it.checkpoints, of_it.evicted, of_it.file_reads, of_it.held_back});
    }
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

detail::RawProducer App::raw_producer(const std::string& topic, const std::string& feeder) {
  Impl& app = *impl_;
  app.let_go_of_producers(feeder.empty() ? 16 : 1);  // a feeder may be opened again behind one that nobody holds
  auto producer = std::make_shared<detail::RawProducer::Impl>();
  const std::lock_guard lock{app.mutex};
  if (app.running == nullptr || app.producers_closed || !app.begun) {
    producer->close({Code::failed_precondition, "producer for topic \"" + topic + "\": the application is not running", topic});
    return detail::RawProducer{producer};
  }
  producer->open(*app.running->log, topic, feeder);
  app.producers.push_back(producer);
  return detail::RawProducer{producer};
}

/// What App lets queries do.
struct detail::Asking {
  /// What runs, if it may be asked: for as long as the answer takes.
  static Result<std::shared_ptr<Running>> running(App& of, const StoreQuery& query, const std::optional<std::string>& key_schema);
};

Result<std::shared_ptr<Running>> detail::Asking::running(App& of, const StoreQuery& query, const std::optional<std::string>& key_schema) {
  App::Impl& app = *of.impl_;
  const std::string table = "table \"" + query.store + "\": ";
  const auto& stores = app.topology.graph().stores;
  const auto entry = std::find_if(stores.begin(), stores.end(), [&](const StoreEntry& each) { return each.name == query.store; });
  if (entry == stores.end()) return Status{Code::not_found, table + "the topology has no store of this name", query.store};
  const auto other = [&](const char* what, const std::string& asked, const std::string& kept) {
    const auto named = [](const std::string& schema) { return schema.empty() ? std::string{"a type without a schema"} : schema; };
    return Status{Code::invalid_argument,
                  table + "asked with " + what + " of type " + named(asked) + ", its " + what + " are " + named(kept), query.store};
  };
  if (key_schema && *key_schema != entry->key_schema) return other("keys", *key_schema, entry->key_schema);
  if (query.value_schema != entry->value_schema) return other("values", query.value_schema, entry->value_schema);
  if (own_application == &app) return app.only_elsewhere("a query");
  const std::lock_guard lock{app.mutex};
  if (app.running == nullptr || !app.begun) return Status{Code::unavailable, table + "the application is " + app.state.name(), query.store};
  return app.running;
}

Result<std::optional<Bytes>> detail::query_one(App& app, const StoreQuery& query, const std::string& key_schema, BytesView key) {
  Result<std::shared_ptr<Running>> running = Asking::running(app, query, key_schema);
  if (!running.ok()) return running.status();
  return runtime::StoreQuery{*(*running)->engine, query.store, query.options.deadline}.get(key);
}

Result<std::unique_ptr<detail::RowScan>> detail::query_rows(App& app, const StoreQuery& query, const std::optional<std::string>& key_schema,
                                                            std::vector<KeyRange> ranges) {
  Result<std::shared_ptr<Running>> running = Asking::running(app, query, key_schema);
  if (!running.ok()) return running.status();
  auto parts = runtime::StoreQuery{*(*running)->engine, query.store, query.options.deadline}.snapshots(ranges);
  if (!parts.ok()) return parts.status();
  return std::make_unique<RowScan>(std::move(*parts), std::move(ranges));
}

Result<std::int64_t> detail::query_count(App& app, const StoreQuery& query) {
  Result<std::unique_ptr<RowScan>> rows = query_rows(app, query, std::nullopt, ranges_between(KeyOrder::bytes, std::nullopt, std::nullopt));
  if (!rows.ok()) return rows.status();
  std::int64_t count = 0;
  while ((*rows)->next()) ++count;
  if (!(*rows)->status().ok()) return (*rows)->status();
  return count;
}

}  // namespace klamm::inline v0
