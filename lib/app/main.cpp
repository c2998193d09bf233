#include "klamm/main.hpp"

#include <getopt.h>

#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "app/reset.hpp"
#include "klamm/app.hpp"

namespace klamm::inline v0 {
namespace {

constexpr int ok = 0, failed = 1, usage = 2;

std::atomic<App*> running{nullptr};

void stop_running(int) {
  if (App* app = running.load()) app->request_stop();
}

struct CommandLine {
  std::string program, command = "run", format = "text", directory, brokers;
  AppOptions app;
  bool dry_run = false, help = false;
  std::vector<std::string> given;  // options, by name
};

/// The options that a command has; `help` goes with all.
bool knows(const std::string& command, const std::string& option) {
  static const std::map<std::string, std::set<std::string>> known{
      {"run", {"embedded", "brokers", "threads", "partitions", "state", "application-id"}},
      {"describe", {"text", "dot", "mermaid", "topics", "application-id"}},
      {"reset", {"embedded", "brokers", "state", "application-id", "dry-run"}}};
  const auto found = known.find(command);
  return found == known.end() || found->second.contains(option) || option == "help";
}

void print_usage(std::FILE* out, const std::string& program) {
  std::fprintf(out,
               "usage: %s [run] --embedded DIR [--threads N] [--partitions N] [--state DIR] [--application-id ID]\n"
               "       %s describe [--text|--dot|--mermaid|--topics]\n"
               "       %s reset --embedded DIR [--state DIR] [--application-id ID] [--dry-run]\n",
               program.c_str(), program.c_str(), program.c_str());
}

int wrong(const CommandLine& line, const std::string& what) {
  std::fprintf(stderr, "%s: %s\n", line.program.c_str(), what.c_str());
  print_usage(stderr, line.program);
  return usage;
}

bool number(const char* text, int& out) {
  const char* end = text + std::strlen(text);
  const auto [at, error] = std::from_chars(text, end, out);
  return error == std::errc{} && at == end && out > 0;
}

int parse(int argc, char** argv, CommandLine& line) {
  enum : int {
    embedded_option = 256,
    brokers_option,
    threads_option,
    partitions_option,
    state_option,
    id_option,
    format_option,
    dry_run_option,
    help_option
  };
  static const option options[] = {{"embedded", required_argument, nullptr, embedded_option},
                                   {"brokers", required_argument, nullptr, brokers_option},
                                   {"threads", required_argument, nullptr, threads_option},
                                   {"partitions", required_argument, nullptr, partitions_option},
                                   {"state", required_argument, nullptr, state_option},
                                   {"application-id", required_argument, nullptr, id_option},
                                   {"text", no_argument, nullptr, format_option},
                                   {"dot", no_argument, nullptr, format_option},
                                   {"mermaid", no_argument, nullptr, format_option},
                                   {"topics", no_argument, nullptr, format_option},
                                   {"dry-run", no_argument, nullptr, dry_run_option},
                                   {"help", no_argument, nullptr, help_option},
                                   {nullptr, 0, nullptr, 0}};
  line.program = argc > 0 ? std::filesystem::path{argv[0]}.filename().string() : "klamm";
  optind = 0;  // starts anew, also when a program parses twice
  opterr = 0;
  for (int index = 0, c = 0; (c = getopt_long(argc, argv, ":", options, &index)) != -1;) {
    if (c != ':' && c != '?') line.given.push_back(options[index].name);
    switch (c) {
      case embedded_option:
        line.directory = optarg;
        break;
      case brokers_option:
        line.brokers = optarg;
        break;
      case threads_option:
        if (!number(optarg, line.app.threads)) return wrong(line, "--threads " + std::string{optarg} + ": expected a number from 1");
        break;
      case partitions_option:
        if (!number(optarg, line.app.partitions)) return wrong(line, "--partitions " + std::string{optarg} + ": expected a number from 1");
        break;
      case state_option:
        line.app.state_dir = optarg;
        break;
      case id_option:
        line.app.application_id = optarg;
        break;
      case format_option:
        line.format = options[index].name;
        break;
      case dry_run_option:
        line.dry_run = true;
        break;
      case help_option:
        line.help = true;
        break;
      case ':':
        return wrong(line, std::string{argv[optind - 1]} + ": needs a value");
      default:
        return wrong(line,
                     (optopt != 0 ? std::string{'-', static_cast<char>(optopt)} : std::string{argv[optind - 1]}) + ": unknown option");
    }
  }
  if (optind < argc) line.command = argv[optind++];
  if (optind < argc) return wrong(line, std::string{argv[optind]} + ": unexpected argument");
  for (const std::string& option : line.given) {
    if (!knows(line.command, option)) return wrong(line, "--" + option + ": is no option of " + line.command);
  }
  return ok;
}

int run(const Topology& topology, CommandLine& line) {
  line.app.log = embedded(line.directory);
  App app{topology, line.app};
  running = &app;
  struct sigaction action {
  }, old_int{}, old_term{};
  action.sa_handler = stop_running;
  sigaction(SIGINT, &action, &old_int);
  sigaction(SIGTERM, &action, &old_term);
  Status status = app.start();
  if (status.ok()) status = app.wait();
  sigaction(SIGINT, &old_int, nullptr);
  sigaction(SIGTERM, &old_term, nullptr);
  running = nullptr;
  if (!status.ok()) std::fprintf(stderr, "%s: %s\n", line.program.c_str(), status.message().c_str());
  return status.ok() ? ok : failed;
}

int describe(const Topology& topology, const CommandLine& line) {
  const std::vector<Problem> problems = topology.check();
  for (const Problem& p : problems) std::fprintf(stderr, "%s:%d: %s\n", p.file, p.line, p.message.c_str());
  if (!problems.empty()) return failed;
  const std::string text = line.format == "dot"       ? topology.dot()
                           : line.format == "mermaid" ? topology.mermaid()
                           : line.format == "topics"  ? describe_topics(topology, line.app.application_id)
                                                      : topology.describe();
  std::fputs(text.c_str(), stdout);
  return ok;
}

}  // namespace

int main(const Topology& topology, int argc, char** argv) {
  CommandLine line;
  line.app.threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  if (const int wrong_usage = parse(argc, argv, line); wrong_usage != ok) return wrong_usage;
  if (line.help) {
    print_usage(stdout, line.program);
    return ok;
  }
  if (line.command == "describe") return describe(topology, line);
  if (line.command != "run" && line.command != "reset") return wrong(line, line.command + ": unknown command: run, describe or reset");
  if (!line.brokers.empty()) return wrong(line, "--brokers: this build runs on the embedded log only: use --embedded DIR");
  if (line.directory.empty())
    return wrong(line, line.command + ": no log is named: --embedded DIR (--brokers HOST:PORT needs a build with Kafka)");
  if (line.command == "run") return run(topology, line);
  const Status status =
      reset(topology, {line.directory, line.app.state_dir, line.app.application_id, line.dry_run ? Reset::dry_run : Reset::for_real});
  if (!status.ok()) std::fprintf(stderr, "%s: %s\n", line.program.c_str(), status.message().c_str());
  return status.ok() ? ok : failed;
}

}  // namespace klamm::inline v0
