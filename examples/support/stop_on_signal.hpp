#pragma once

#include <csignal>
#include <klamm/klamm.hpp>

namespace example {

/// While it lives, SIGINT and SIGTERM stop the application in order; a second one ends the process at once.
class StopOnSignal {
 public:
  explicit StopOnSignal(klamm::App& app) {
    target = &app;
    caught_one = 0;
    struct sigaction action {};
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    action.sa_handler = [](int) {
      caught_one = 1;
      if (target != nullptr) target->request_stop();
    };
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
  }
  ~StopOnSignal() { target = nullptr; }
  StopOnSignal(const StopOnSignal&) = delete;
  StopOnSignal& operator=(const StopOnSignal&) = delete;
  [[nodiscard]] bool caught() const { return caught_one != 0; }

 private:
  static inline klamm::App* volatile target = nullptr;
  static inline volatile std::sig_atomic_t caught_one = 0;
};

}  // namespace example
