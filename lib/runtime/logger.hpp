#pragma once

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "klamm/logging.hpp"
#include "ports/clock.hpp"

namespace klamm::inline v0::runtime {

/// Writes lines to the application's log sink. Any thread; owned by the application.
class Logger {
 public:
  Logger(LogSink sink, ports::Clock& clock) : sink_{std::move(sink)}, clock_{&clock} {}

  void operator()(Level level, std::string_view component, std::string_view message, std::initializer_list<Field> fields = {}) const {
    if (!sink_) return;
    try {
      sink_(level, component, message, {fields.begin(), fields.size()});
    } catch (...) {  // a line that can't be written holds nobody up
    }
  }
  [[nodiscard]] ports::Clock& clock() const { return *clock_; }

 private:
  LogSink sink_;
  ports::Clock* clock_;
};

/// Lets through the first few of many equal events, then one a second, which says how many it stands for. One thread.
class Sampler {
 public:
  /// The number of events that the line stands for; 0: no line.
  std::int64_t admit(ports::Clock& clock) {
    ++waiting_;
    const std::int64_t now = clock.steady_ms();
    if (admitted_ >= 5 && now - last_ < 1000) return 0;
    ++admitted_;
    last_ = now;
    const std::int64_t count = waiting_;
    waiting_ = 0;
    return count;
  }

 private:
  std::int64_t waiting_ = 0, admitted_ = 0, last_ = 0;
};

}  // namespace klamm::inline v0::runtime
