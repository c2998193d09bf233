#include "app/command_line.hpp"

#include <getopt.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <thread>

namespace klamm::inline v0 {
namespace {

/// The options that a command has; `help` goes with all.
bool knows(const std::string& command, const std::string& option) {
  static const std::map<std::string, std::set<std::string>> known{
      {"run", {"embedded", "brokers", "threads", "partitions", "state", "application-id", "at-least-once", "instance", "client"}},
      {"describe", {"text", "dot", "mermaid", "topics", "application-id", "brokers", "partitions", "client"}},
      {"reset", {"embedded", "brokers", "state", "application-id", "dry-run", "client"}}};
  const auto found = known.find(command);
  return found == known.end() || found->second.contains(option) || option == "help";
}

bool number(const char* text, int& out) {
  const char* end = text + std::strlen(text);
  const auto [at, error] = std::from_chars(text, end, out);
  return error == std::errc{} && at == end && out > 0;
}

constexpr int first_option = 256;  // beyond characters
enum Option : int { embedded_, brokers_, threads_, partitions_, state_, id_, at_least_once_, instance_, client_, format_, dry_run_, help_ };

const option options[] = {{"embedded", required_argument, nullptr, first_option + embedded_},
                          {"brokers", required_argument, nullptr, first_option + brokers_},
                          {"threads", required_argument, nullptr, first_option + threads_},
                          {"partitions", required_argument, nullptr, first_option + partitions_},
                          {"state", required_argument, nullptr, first_option + state_},
                          {"application-id", required_argument, nullptr, first_option + id_},
                          {"at-least-once", no_argument, nullptr, first_option + at_least_once_},
                          {"instance", required_argument, nullptr, first_option + instance_},
                          {"client", required_argument, nullptr, first_option + client_},
                          {"text", no_argument, nullptr, first_option + format_},
                          {"dot", no_argument, nullptr, first_option + format_},
                          {"mermaid", no_argument, nullptr, first_option + format_},
                          {"topics", no_argument, nullptr, first_option + format_},
                          {"dry-run", no_argument, nullptr, first_option + dry_run_},
                          {"help", no_argument, nullptr, first_option + help_},
                          {nullptr, 0, nullptr, 0}};

/// Takes one option over; what is wrong with its value, or nothing.
std::string take(Option which, const char* name, const char* value, CommandLine& line) {
  const auto expected = [&](const char* what) { return std::string{"--"} + name + ' ' + value + ": expected " + what; };
  if (value != nullptr && *value == '\0') return std::string{"--"} + name + ": its value is empty";
  switch (which) {
    case embedded_:
      line.directory = value;
      break;
    case brokers_:
      line.brokers = value;
      break;
    case threads_:
      if (!number(value, line.app.threads)) return expected("a number from 1");
      break;
    case partitions_:
      if (!number(value, line.app.partitions)) return expected("a number from 1");
      break;
    case state_:
      line.app.state_dir = value;
      break;
    case id_:
      line.app.application_id = value;
      break;
    case at_least_once_:
      line.app.guarantee = Guarantee::at_least_once;
      break;
    case instance_:
      line.kafka.group_instance_id = value;
      break;
    case client_: {
      const char* equals = std::strchr(value, '=');
      if (equals == nullptr || equals == value) return expected("a setting of librdkafka, NAME=VALUE");
      line.kafka.client.push_back({{value, equals}, equals + 1});
      break;
    }
    case format_:
      line.format = name;
      break;
    case dry_run_:
      line.dry_run = true;
      break;
    case help_:
      line.help = true;
      break;
  }
  return {};
}

bool wrong(const CommandLine& line, const std::string& what) {
  wrong_usage(line, what);
  return false;
}

bool fits(const CommandLine& line) {
  for (const std::string& option : line.given) {
    if (!knows(line.command, option)) return wrong(line, "--" + option + ": is no option of " + line.command);
    if ((option == "instance" || option == "client") && line.brokers.empty())
      return wrong(line, "--" + option + ": is for Kafka: it goes with --brokers HOST:PORT");
  }
  if (line.command == "describe" && line.format != "topics" && (!line.brokers.empty() || line.app.partitions != 0))
    return wrong(line, "--brokers and --partitions: go with describe --topics, which looks up there how many partitions topics have");
  if (!line.directory.empty() && !line.brokers.empty()) return wrong(line, "--embedded and --brokers: name one log");
  return true;
}

}  // namespace

LogChoice CommandLine::log() const {
  return !brokers.empty() ? klamm::kafka(brokers, kafka) : !directory.empty() ? embedded(directory) : LogChoice{};
}

void print_usage(std::FILE* out, const std::string& program) {
  const char* name = program.c_str();
  std::fprintf(out,
               "usage: %s [run] --embedded DIR | --brokers HOST:PORT [--client NAME=VALUE]... [--instance ID]\n"
               "           [--application-id ID] [--state DIR] [--threads N] [--partitions N] [--at-least-once]\n"
               "       %s describe [--text|--dot|--mermaid|--topics [--brokers HOST:PORT] [--partitions N]] [--application-id ID]\n"
               "       %s reset --embedded DIR | --brokers HOST:PORT [--state DIR] [--application-id ID] [--dry-run]\n",
               name, name, name);
}

int wrong_usage(const CommandLine& line, const std::string& what) {
  std::fprintf(stderr, "%s: %s\n", line.program.c_str(), what.c_str());
  print_usage(stderr, line.program);
  return 2;
}

bool parse(int argc, char** argv, CommandLine& line) {
  line.program = argc > 0 ? std::filesystem::path{argv[0]}.filename().string() : "klamm";
  line.app.threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  optind = 0;  // starts anew, also when a program parses twice
  opterr = 0;
  for (int index = 0, c = 0; (c = getopt_long(argc, argv, ":", options, &index)) != -1;) {
    if (c == ':') return wrong(line, std::string{argv[optind - 1]} + ": needs a value");
    if (c == '?') {
      const std::string name = optopt != 0 ? std::string{'-', static_cast<char>(optopt)} : std::string{argv[optind - 1]};
      return wrong(line, name + ": unknown option");
    }
    line.given.emplace_back(options[index].name);
    if (const std::string problem = take(static_cast<Option>(c - first_option), options[index].name, optarg, line); !problem.empty())
      return wrong(line, problem);
  }
  if (optind < argc) line.command = argv[optind++];
  if (optind < argc) return wrong(line, std::string{argv[optind]} + ": unexpected argument");
  return fits(line);
}

}  // namespace klamm::inline v0
