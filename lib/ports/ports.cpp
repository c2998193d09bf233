#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "ports/clock.hpp"
#include "ports/executor.hpp"
#include "ports/fault.hpp"

namespace klamm::inline v0::ports {
namespace {

class SystemClock final : public Clock {
 public:
  Timestamp now() override { return Timestamp{count(std::chrono::system_clock::now())}; }
  std::int64_t steady_ms() override { return count(std::chrono::steady_clock::now()); }

 private:
  template <class Point> static std::int64_t count(Point point) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(point.time_since_epoch()).count();
  }
};

class InlineExecutor final : public Executor {
 public:
  void post(std::function<void()> job) override { job(); }
  void drain() override {}
};

class BackgroundThread final : public Executor {
 public:
  explicit BackgroundThread(const char* name) : thread_{[this] { run(); }} { pthread_setname_np(thread_.native_handle(), name); }
  ~BackgroundThread() override {
    {
      const std::lock_guard lock{mutex_};
      stop_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }

  void post(std::function<void()> job) override {
    {
      const std::lock_guard lock{mutex_};
      jobs_.push_back(std::move(job));
    }
    wake_.notify_all();
  }
  void drain() override {
    std::unique_lock lock{mutex_};
    idle_.wait(lock, [this] { return jobs_.empty() && !busy_; });
  }

 private:
  void run() {
    std::unique_lock lock{mutex_};
    for (;;) {
      wake_.wait(lock, [this] { return stop_ || !jobs_.empty(); });
      if (jobs_.empty()) return;
      auto job = std::move(jobs_.front());
      jobs_.pop_front();
      busy_ = true;
      lock.unlock();
      job();
      job = nullptr;
      lock.lock();
      busy_ = false;
      idle_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_, idle_;
  std::deque<std::function<void()>> jobs_;
  bool busy_ = false, stop_ = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace

Clock& system_clock() {
  static SystemClock clock;
  return clock;
}
std::unique_ptr<Executor> background_thread(const char* name) { return std::make_unique<BackgroundThread>(name); }
std::unique_ptr<Executor> inline_executor() { return std::make_unique<InlineExecutor>(); }

std::atomic<FaultPoint> fault_point{nullptr};

}  // namespace klamm::inline v0::ports
