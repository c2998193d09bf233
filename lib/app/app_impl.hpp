#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "app/open_log.hpp"
#include "app/producers.hpp"
#include "app/stop_signal.hpp"
#include "runtime/engine.hpp"

namespace klamm::inline v0 {

/// What exists while the application runs. Shared with calls from other threads, so that it outlives those that are under way.
struct Running {
  std::unique_ptr<StateDirectory> state;  // let go of at the very end
  std::unique_ptr<log::Log> log;
  std::unique_ptr<runtime::Engine> engine;  // before the log goes
};

/// Marks the calling thread as an application's own: a worker, the coordinator, or the one in `start`. Nobody can wait for himself.
class OwnThread {
 public:
  explicit OwnThread(const void* application);
  ~OwnThread();
  OwnThread(const OwnThread&) = delete;
  OwnThread& operator=(const OwnThread&) = delete;

  /// For the rest of the thread's life.
  static void becomes(const void* application);
  static bool of(const void* application);

 private:
  const void* const before_;
};

/// The life of an application.
///
///     start: open ─▶ begin ─▶ coordinate, on a thread of its own, until it is to stop or something fails ─▶ finish
///               └──── the log is away: begin is tried again, by the coordinator ────┘
struct App::Impl {
  Impl(const Topology& t, AppOptions o);

  Status open();
  /// Starts what runs. `unavailable`: nothing has been started, the log is away.
  Status begin();
  void coordinate();
  void finish(const Status& why);
  void set_state(State next);
  /// Shows whether the log can be reached.
  void follow_log();
  void report_restore();
  [[nodiscard]] AppStatus figures_of(const runtime::Engine& of) const;  // status.cpp
  [[nodiscard]] std::string about() const { return "application \"" + application_id + "\": "; }
  [[nodiscard]] Status only_elsewhere(const char* call) const {
    return {Code::failed_precondition, about() + call + " on its own thread would wait for itself", application_id};
  }

  const Topology& topology;
  const AppOptions options;
  runtime::Logger logger;
  std::string application_id;
  std::unique_ptr<ports::Executor> background;
  runtime::Engine* engine = nullptr;  // of `running`, for the coordinator
  Producers producers;
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
  bool begun = false, abandon = false;
  std::int64_t restore_reported_ms = 0, restore_started_ms = 0;
};

}  // namespace klamm::inline v0
