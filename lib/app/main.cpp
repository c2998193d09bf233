#include "klamm/main.hpp"

#include <atomic>
#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

#include "app/command_line.hpp"
#include "app/describe_topics.hpp"
#include "app/reset.hpp"

namespace klamm::inline v0 {
namespace {

constexpr int ok = 0, failed = 1, usage = 2;

std::atomic<App*> running{nullptr};

void stop_running(int) {
  if (App* app = running.load()) app->request_stop();
}

int ended(const CommandLine& line, const Status& status) {
  if (!status.ok()) std::fprintf(stderr, "%s: %s\n", line.program.c_str(), status.message().c_str());
  return status.ok() ? ok : failed;
}

int run(const Topology& topology, CommandLine& line) {
  line.app.log = line.log();
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
  return ended(line, status);
}

int describe(const Topology& topology, const CommandLine& line) {
  const std::vector<Problem> problems = topology.check();
  for (const Problem& p : problems) std::fprintf(stderr, "%s:%d: %s\n", p.file, p.line, p.message.c_str());
  if (!problems.empty()) return failed;
  std::string text;
  if (line.format == "topics") {
    Result<std::string> topics = describe_topics(topology, {line.log(), line.app.application_id, line.app.partitions});
    if (!topics.ok()) return ended(line, topics.status());
    text = *std::move(topics);
  } else {
    text = line.format == "dot" ? topology.dot() : line.format == "mermaid" ? topology.mermaid() : topology.describe();
  }
  std::fputs(text.c_str(), stdout);
  return ok;
}

}  // namespace

int main(const Topology& topology, int argc, char** argv) {
  CommandLine line;
  if (!parse(argc, argv, line)) return usage;
  if (line.help) {
    print_usage(stdout, line.program);
    return ok;
  }
  if (line.command == "describe") return describe(topology, line);
  if (line.command != "run" && line.command != "reset")
    return wrong_usage(line, line.command + ": unknown command: run, describe or reset");
  const LogChoice log = line.log();
  if (log.kind() == LogChoice::Kind::none)
    return wrong_usage(line, line.command + ": no log is named: --embedded DIR, or --brokers HOST:PORT for Apache Kafka");
  if (line.command == "run") return run(topology, line);
  return ended(line, reset(topology, {log, line.app.state_dir, line.app.application_id, line.dry_run ? Reset::dry_run : Reset::for_real}));
}

}  // namespace klamm::inline v0
