#pragma once

#include <getopt.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <klamm/klamm.hpp>
#include <string>
#include <thread>

namespace example {

struct Options {
  std::string file, state;
  int partitions = 0;  // as the directory has them, or the default
  int threads = static_cast<int>(std::thread::hardware_concurrency());
  bool dump = false;
};

inline int wrong_usage(const char* program, const std::string& what) {
  std::fprintf(stderr, "%s: %s\nusage: %s [FILE] [--state DIR] [--partitions N] [--threads N] [--dump]\n", program, what.c_str(), program);
  return 2;
}

inline bool parse_number(const char* text, int most, int& out) {
  const char* end = text + std::strlen(text);
  const auto [at, error] = std::from_chars(text, end, out);
  return error == std::errc{} && at == end && out >= 1 && out <= most;
}

/// 0, or what to end with.
inline int parse(int argc, char** argv, Options& options) {
  static const option known[] = {{"state", required_argument, nullptr, 's'},
                                 {"partitions", required_argument, nullptr, 'p'},
                                 {"threads", required_argument, nullptr, 't'},
                                 {"dump", no_argument, nullptr, 'd'},
                                 {nullptr, 0, nullptr, 0}};
  opterr = 0;
  for (int c = 0; (c = getopt_long(argc, argv, ":", known, nullptr)) != -1;) {
    if (c == 's')
      options.state = optarg;
    else if (c == 'p' && !parse_number(optarg, 1000, options.partitions))
      return wrong_usage(argv[0], std::string{"--partitions "} + optarg + ": expected a number from 1 to 1000");
    else if (c == 't' && !parse_number(optarg, 256, options.threads))
      return wrong_usage(argv[0], std::string{"--threads "} + optarg + ": expected a number from 1 to 256");
    else if (c == 'd')
      options.dump = true;
    else if (c == ':')
      return wrong_usage(argv[0], std::string{argv[optind - 1]} + ": needs a value");
    else if (c == '?')
      return wrong_usage(argv[0],
                         (optopt != 0 ? std::string{'-', static_cast<char>(optopt)} : std::string{argv[optind - 1]}) + ": unknown option");
  }
  if (optind < argc) options.file = argv[optind++];
  if (optind < argc) return wrong_usage(argv[0], std::string{argv[optind]} + ": only one FILE");
  if (options.file.empty() && (options.state.empty() || !options.dump))
    return wrong_usage(argv[0], "no FILE: it may be left out with --state and --dump only");
  return 0;
}

inline void complain(const char* program, const klamm::Status& status) {
  std::fprintf(stderr, "%s: %s\n", program, status.message().c_str());
}

/// While it lives, SIGINT and SIGTERM stop the application in order.
class StopOnSignal {
 public:
  explicit StopOnSignal(klamm::App& app) {
    target = &app;
    caught_one = 0;
    struct sigaction action {};
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
