#pragma once

#include <getopt.h>

#include <charconv>
#include <cstdio>
#include <cstring>
#include <klamm/status.hpp>
#include <string>
#include <thread>

namespace example {

struct Options {
  std::string file, state, brokers, app_id = "word-count";
  int partitions = 0;  // as they are, or the default
  int threads = static_cast<int>(std::thread::hardware_concurrency());
  bool dump = false, feed_only = false, at_least_once = false;
};

inline int wrong_usage(const char* program, const std::string& what) {
  std::fprintf(stderr,
               "%s: %s\n"
               "usage: %s [FILE] [--state DIR] [--partitions N] [--threads N] [--dump]\n"
               "       %s [FILE] --brokers HOST:PORT [--app-id ID] [--at-least-once] [--state DIR] [--partitions N] [--threads N]\n"
               "           [--feed-only | --dump]\n",
               program, what.c_str(), program, program);
  return 2;
}

inline bool parse_number(const char* text, int most, int& out) {
  const char* end = text + std::strlen(text);
  const auto [at, error] = std::from_chars(text, end, out);
  return error == std::errc{} && at == end && out >= 1 && out <= most;
}

/// What does not fit together, or nothing.
inline std::string misfit(const Options& options, const char* for_kafka) {
  if (options.brokers.empty()) {
    if (for_kafka != nullptr) return std::string{for_kafka} + ": is for Kafka: it goes with --brokers HOST:PORT";
    if (options.file.empty() && (options.state.empty() || !options.dump))
      return "no FILE: it may be left out with --state and --dump, or with --brokers";
  }
  if (options.feed_only && options.dump)
    return "--feed-only and --dump: the one ends before anything is counted, the other shows the counts";
  if (options.feed_only && options.file.empty()) return "--feed-only: needs a FILE to feed";
  return {};
}

/// 0, or what to end with.
inline int parse(int argc, char** argv, Options& options) {
  static const option known[] = {{"state", required_argument, nullptr, 's'},
                                 {"partitions", required_argument, nullptr, 'p'},
                                 {"threads", required_argument, nullptr, 't'},
                                 {"dump", no_argument, nullptr, 'd'},
                                 {"brokers", required_argument, nullptr, 'b'},
                                 {"app-id", required_argument, nullptr, 'i'},
                                 {"feed-only", no_argument, nullptr, 'f'},
                                 {"at-least-once", no_argument, nullptr, 'a'},
                                 {nullptr, 0, nullptr, 0}};
  const char* for_kafka = nullptr;  // an option that was given
  opterr = 0;
  for (int c = 0, index = 0; (c = getopt_long(argc, argv, ":", known, &index)) != -1;) {
    if (optarg != nullptr && *optarg == '\0') return wrong_usage(argv[0], std::string{"--"} + known[index].name + ": its value is empty");
    if (c == 's')
      options.state = optarg;
    else if (c == 'p' && !parse_number(optarg, 1000, options.partitions))
      return wrong_usage(argv[0], std::string{"--partitions "} + optarg + ": expected a number from 1 to 1000");
    else if (c == 't' && !parse_number(optarg, 256, options.threads))
      return wrong_usage(argv[0], std::string{"--threads "} + optarg + ": expected a number from 1 to 256");
    else if (c == 'd')
      options.dump = true;
    else if (c == 'b')
      options.brokers = optarg;
    else if (c == 'i')
      options.app_id = optarg, for_kafka = "--app-id";
    else if (c == 'f')
      options.feed_only = true, for_kafka = "--feed-only";
    else if (c == 'a')
      options.at_least_once = true, for_kafka = "--at-least-once";
    else if (c == ':')
      return wrong_usage(argv[0], std::string{argv[optind - 1]} + ": needs a value");
    else if (c == '?')
      return wrong_usage(argv[0],
                         (optopt != 0 ? std::string{'-', static_cast<char>(optopt)} : std::string{argv[optind - 1]}) + ": unknown option");
  }
  if (optind < argc) options.file = argv[optind++];
  if (optind < argc) return wrong_usage(argv[0], std::string{argv[optind]} + ": only one FILE");
  const std::string wrong = misfit(options, for_kafka);
  return wrong.empty() ? 0 : wrong_usage(argv[0], wrong);
}

inline void complain(const char* program, const klamm::Status& status) {
  std::fprintf(stderr, "%s: %s\n", program, status.message().c_str());
}

}  // namespace example
