#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "klamm/app.hpp"
#include "klamm/kafka.hpp"

namespace klamm::inline v0 {

/// What the arguments of a program say.
struct CommandLine {
  std::string program, command = "run", format = "text", directory, brokers;
  AppOptions app;  ///< without the log
  KafkaOptions kafka;
  bool dry_run = false, help = false;
  std::vector<std::string> given;  // options, by name

  /// The log that is named; none when it isn't.
  [[nodiscard]] LogChoice log() const;
};

/// False, with a message and the usage on stderr, for what is no command line.
bool parse(int argc, char** argv, CommandLine& line);
void print_usage(std::FILE* out, const std::string& program);
/// Says what is wrong, and the usage; returns what to end with.
int wrong_usage(const CommandLine& line, const std::string& what);

}  // namespace klamm::inline v0
