#include "app/reset.hpp"

#include <cstdio>
#include <filesystem>
#include <vector>

#include "app/open_log.hpp"
#include "app/stderr_log.hpp"
#include "graph/graph.hpp"
#include "log/embedded.hpp"
#include "runtime/plan.hpp"

namespace klamm::inline v0 {
namespace {

/// The log as it is, with the stores' directory: nothing is made that is not there.
Result<OpenedLog> open_existing(const ResetOptions& options, const std::string& id) {
  if (options.log.kind() == LogChoice::Kind::embedded && !log::holds_log(options.log.place()))
    return Status{Code::not_found, "directory \"" + options.log.place() + "\": holds no log: nothing to reset", options.log.place()};
  AppOptions app;
  app.log = options.log;
  app.state_dir = options.state_dir;
  return open_log(app, id, runtime::Logger{stderr_log(), ports::system_clock()});
}

}  // namespace

Status reset(const Topology& topology, const ResetOptions& options) {
  const std::string id = options.application_id.empty() ? topology.graph().name : options.application_id;
  Result<OpenedLog> opened = open_existing(options, id);
  if (!opened.ok()) return opened.status();
  log::Log& log = *opened->log;
  Result<runtime::Plan> plan = runtime::make_plan(topology.graph(), id, 1, log);
  if (!plan.ok()) return plan.status();

  std::vector<std::string> topics;
  for (const log::TopicState& topic : plan->internal_topics) {
    Result<std::optional<log::TopicState>> known = log.topic(topic.name);
    if (!known.ok()) return known.status();
    if (*known) topics.push_back(topic.name);
  }
  std::vector<std::filesystem::path> stores;
  for (const runtime::SubPlan& sub : plan->subs) {
    for (const runtime::StorePlan& store : sub.stores) {
      const std::filesystem::path path = std::filesystem::path{opened->state_dir} / store.name;
      if (std::filesystem::exists(path)) stores.push_back(path);
    }
  }
  // The log first; stores that are left over after a crash belong to another lineage then, and are built anew.
  if (options.mode == Reset::for_real) {
    if (Status status = log.reset(id, topics); !status.ok()) return status;
  }
  const char* verb = options.mode == Reset::dry_run ? "would delete" : "deleting";
  for (const std::string& topic : topics) std::printf("%s topic %s\n", verb, topic.c_str());
  for (const auto& store : stores) std::printf("%s store %s\n", verb, store.c_str());
  std::printf("%s committed offsets of %s\n", verb, id.c_str());
  if (options.mode == Reset::dry_run) return {};

  for (const auto& store : stores) {
    std::error_code error;
    std::filesystem::remove_all(store, error);
    if (error) return {Code::internal, "store \"" + store.string() + "\": can't be deleted: " + error.message(), store.string()};
  }
  return {};
}

}  // namespace klamm::inline v0
