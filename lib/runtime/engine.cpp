#include "runtime/engine.hpp"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <latch>
#include <utility>

namespace klamm::inline v0::runtime {
namespace {

/// Where time stands still while the caller steps, this many steps that found nothing to do are too long to wait.
constexpr int patient_steps = 16;

struct CountDown {
  std::latch& latch;
  ~CountDown() { latch.count_down(); }
};

constexpr std::size_t usual_memory = std::size_t{1} << 30;
constexpr std::size_t least_per_store = std::size_t{128} << 10;

/// Null where the stores' memory is not limited.
Result<std::shared_ptr<detail::MemoryBudget>> make_budget(const Plan& plan, const Settings& settings) {
  std::size_t stores = 0;
  for (const SubPlan& sub : plan.subs) stores += sub.stores.size() * static_cast<std::size_t>(sub.partitions);
  if (settings.state_dir.empty() || settings.memory_bytes == 0 || stores == 0) return std::shared_ptr<detail::MemoryBudget>{};
  const std::size_t needed = stores * least_per_store;
  const std::size_t bytes = settings.memory_bytes.value_or(std::max(usual_memory, needed));
  if (bytes < needed) {
    return Status{Code::invalid_argument, "AppOptions::memory_bytes: " + std::to_string(bytes) + " for " + std::to_string(stores) +
                                              " stores (one for each table and partition): they need " + std::to_string(needed) +
                                              " at least, or 0 for no limit"};
  }
  return std::make_shared<detail::MemoryBudget>(bytes, stores);
}

}  // namespace

Engine::Engine(const detail::Graph& graph, std::string application_id, Settings settings, log::Log& log, ports::Clock& clock,
               ports::Executor& background, Logger& logger)
    : graph_{graph},
      application_id_{std::move(application_id)},
      settings_{std::move(settings)},
      log_{log},
      clock_{clock},
      background_{background},
      logger_{logger} {}

Engine::~Engine() { join_threads(); }

Status Engine::start(int workers, log::Partition default_partitions) {
  std::set<std::string> dead_letters;
  for (const ErrorStage stage : {ErrorStage::decode, ErrorStage::process, ErrorStage::produce}) {
    if (const std::string& topic = settings_.on_error.at(stage).topic(); !topic.empty()) dead_letters.insert(topic);
  }
  for (const detail::TopicEntry& topic : graph_.topics) {
    if (topic.info.on_error && !topic.info.on_error->topic().empty()) dead_letters.insert(topic.info.on_error->topic());
  }
  Result<Plan> plan = make_plan(graph_, application_id_, default_partitions, log_, dead_letters);
  if (!plan.ok()) return plan.status();
  plan_ = std::move(*plan);
  Result<std::shared_ptr<detail::MemoryBudget>> memory = make_budget(plan_, settings_);
  if (!memory.ok()) return memory.status();
  environment_.reset(new Environment{plan_, settings_, log_, clock_, background_, logger_, std::move(*memory), std::move(kept_)});
  if (Status status = create_topics(); !status.ok()) return status;

  // Of a start before, which found the log away.
  standbys_.reset();
  workers_.clear();
  log::Partition tasks = 0;
  std::vector<std::string> leaders;
  for (const SubPlan& sub : plan_.subs) {
    tasks += sub.partitions;
    leaders.push_back(plan_.topic_name(sub.inputs.front()));
  }
  for (int i = 0; i < std::clamp(workers, 1, std::max(1, static_cast<int>(tasks))); ++i) {
    workers_.push_back(std::make_unique<Worker>(*environment_, i));
    if (Status status = workers_.back()->open(); !status.ok()) return status;
  }
  assignment_ = std::make_unique<Assignment>(*environment_, workers_);
  if (settings_.standby_replicas > 0) {
    standbys_ = std::make_unique<Standbys>(*environment_, *assignment_);
    environment_->standbys = standbys_.get();
  }
  idle_rounds_.resize(workers_.size());
  reported_ms_.resize(workers_.size());
  Result<std::unique_ptr<log::Member>> member = log_.join(application_id_, leaders, *this);
  if (!member.ok()) return member.status();
  member_ = std::move(*member);
  ready_ = true;
  return {};
}

Status Engine::create_topics() {
  if (Status status = log_.create(plan_.missing_topics); !status.ok()) return status;
  for (const log::TopicState& topic : plan_.internal_topics) {
    Result<std::optional<log::TopicState>> known = log_.topic(topic.name);
    if (!known.ok()) return known.status();
    if (*known) continue;
    logger_(Level::info, "topics", "creating topic " + topic.name,
            {{"topic", topic.name}, {"partitions", std::to_string(topic.partitions)}, {"cleanup", log::policy_of(topic.cleanup)}});
  }
  return log_.create(plan_.internal_topics);
}

void Engine::assigned(std::span<const log::TopicPartition> partitions) {
  assignment_->add(partitions);
  report("assigned", partitions);
  for (const SubPlan& sub : plan_.subs) {
    const auto is_new = [&](const auto& tp) { return tp.partition >= sub.partitions && tp.topic == plan_.topic_name(sub.inputs.front()); };
    if (std::any_of(partitions.begin(), partitions.end(), is_new)) topics_at_ms_ = 0;  // at once
  }
  assigned_ = true;
}

void Engine::revoked(std::span<const log::TopicPartition> partitions) {
  report("revoked", partitions);
  assignment_->remove(partitions, Task::Impl::Ending::commit);
  const std::int64_t deadline = clock_.steady_ms() + settings_.release_patience.milliseconds();
  int idle_steps = 0;
  while (!assignment_->ended(partitions)) {
    if (threads_.empty()) {
      bool worked = false;
      for (const auto& worker : workers_) worked = worker->step().worked || worked;
      idle_steps = worked ? 0 : idle_steps + 1;
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    if (idle_steps < patient_steps && clock_.steady_ms() < deadline) continue;
    logger_(Level::warning, "group", "partitions go to others without a last commit: what it would have had is done again there");
    assignment_->remove(partitions, Task::Impl::Ending::drop);
    return;
  }
}

void Engine::lost(std::span<const log::TopicPartition> partitions) {
  report("lost", partitions);
  assignment_->remove(partitions, Task::Impl::Ending::drop);
}

void Engine::report(const char* what, std::span<const log::TopicPartition> partitions) {
  std::string list;
  for (const log::TopicPartition& tp : partitions) list += (list.empty() ? "" : ", ") + to_string(tp);
  if (standbys_ != nullptr) standbys_->group_changed();
  if (!list.empty()) logger_(Level::info, "group", std::string{what} + ": " + list, {{"tasks", std::to_string(assignment_->size())}});
}

void Engine::tell_if_idle() {
  constexpr std::int64_t patience_ms = 1'000;  // of a rebalance there may be more to come
  const std::int64_t now = clock_.steady_ms();
  if (!assigned_ || assignment_->size() != 0) {
    idle_since_ms_ = -1;
    idle_told_ = false;
    return;
  }
  if (idle_since_ms_ < 0) idle_since_ms_ = now;
  if (idle_told_ || now - idle_since_ms_ < patience_ms || !log_.connected()) return;
  idle_told_ = true;
  log::Partition partitions = 0;
  for (const SubPlan& sub : plan_.subs) partitions += sub.partitions;
  const Result<log::GroupDescription> group = log_.describe(application_id_);
  const std::string members = group.ok() && !group->members.empty() ? std::to_string(group->members.size()) + " members" : "members";
  logger_(Level::info, "group",
          "idle, and ready to take over: there are " + members + " for " + std::to_string(partitions) +
              " partitions, and the others have them all",
          {{"partitions", std::to_string(partitions)}});
}

Status Engine::look_at_topics() {
  const std::int64_t now = clock_.steady_ms();
  if (topics_at_ms_ < 0) topics_at_ms_ = now + settings_.topic_check.milliseconds();
  if (now < topics_at_ms_ || !log_.connected()) return {};
  topics_at_ms_ = now + settings_.topic_check.milliseconds();
  for (const SubPlan& sub : plan_.subs) {
    for (const int input : sub.inputs) {
      if (graph_.topics[static_cast<std::size_t>(input)].cls == detail::TopicClass::repartition) continue;
      const Result<std::optional<log::TopicState>> found = log_.topic(plan_.topic_name(input));
      if (!found.ok() || !*found || (*found)->partitions <= plan_.partitions(input)) continue;
      if (Status status = grown(sub, input, (*found)->partitions); !status.ok()) return status;
    }
  }
  return {};
}

Status Engine::grown(const SubPlan& sub, int input, log::Partition count) {
  const std::string& topic = plan_.topic_name(input);
  const std::string before = std::to_string(plan_.partitions(input));
  const std::string what =
      "topic \"" + topic + "\": has " + std::to_string(count) + " partitions now, and " + before + " when the application started: ";
  if (sub.stores.empty() && sub.inputs.size() == 1) {
    if (std::exchange(grown_[topic], count) != count)
      logger_(Level::info, "topics", what + "its tasks keep no state, and take the new ones", {{"topic", topic}});
    return {};
  }
  if (sub.stores.empty()) {
    return {Code::failed_precondition,
            what + "it is read together with others, which need as many: give them as many, then start the application again", topic};
  }
  std::string tables;
  for (const StorePlan& store : sub.stores) tables += (tables.empty() ? "\"" : ", \"") + store.name + '"';
  return {Code::failed_precondition,
          what + "keys go to other partitions than before, and the tables " + tables + " keep what they had by " + before +
              ": stop all instances, then reset the application, which reads the topic anew; or copy the topic into one with " + before +
              " partitions, and read that",
          topic};
}

void Engine::run(const std::function<void(int worker)>& on_start) {
  if (standbys_ != nullptr) standbys_->run();
  for (const auto& worker : workers_) {
    threads_.emplace_back([&w = *worker, on_start] {
      try {
        if (on_start) on_start(w.number());
      } catch (...) {
        w.fail({Code::failed_precondition, "worker " + std::to_string(w.number()) + ": on_thread_start threw"});
      }
      for (;;) {
        const Worker::Step step = w.step();
        if (step.finished) return;
        if (!step.worked) w.wait_until(step.wake_at_ms);
      }
    });
    pthread_setname_np(threads_.back().native_handle(), ("klamm-w" + std::to_string(worker->number())).c_str());
  }
}

Status Engine::coordinate() {
  if (Status status = member_->poll(); !status.ok()) return status;
  if (stopping_) return {};
  if (Status status = assignment_->open_missing(); !status.ok()) return failed_ = status;
  if (Status status = look_at_topics(); !status.ok()) return failed_ = status;
  tell_if_idle();
  balance();
  watch();
  return {};
}

void Engine::balance() {
  Worker* busiest = nullptr;
  Worker* idle = nullptr;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    Worker& worker = *workers_[i];
    idle_rounds_[i] = worker.busy_tasks() == 0 ? idle_rounds_[i] + 1 : 0;
    if (idle_rounds_[i] >= 2) idle = &worker;
    if (worker.busy_tasks() >= 2 && (busiest == nullptr || worker.busy_tasks() > busiest->busy_tasks())) busiest = &worker;
  }
  if (busiest != nullptr && idle != nullptr) busiest->request_move(*idle);
}

void Engine::watch() {
  const std::int64_t limit = settings_.watchdog.milliseconds(), now = clock_.steady_ms();
  if (limit <= 0 || threads_.empty()) return;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    const auto task = workers_[i]->at_work_since(now - limit);
    if (task == nullptr || now - reported_ms_[i] < limit) continue;
    reported_ms_[i] = now;
    logger_(Level::warning, "watchdog",
            "worker " + std::to_string(i) + " has not come back from the functions of task " + task->sub_topology + '/' +
                std::to_string(task->partition) + " for " + std::to_string(limit) +
                " ms or more: nothing of its tasks is committed until it does",
            {{"worker", std::to_string(i)}, {"sub_topology", task->sub_topology}, {"partition", std::to_string(task->partition)}});
  }
}

void Engine::join_threads() {
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  if (standbys_ != nullptr) standbys_->join();
}

Result<bool> Engine::step() {
  if (Status status = coordinate(); !status.ok()) return status;
  bool worked = false;
  for (const auto& worker : workers_) worked = worker->step().worked || worked;
  if (standbys_ != nullptr) {
    if (stopping_)
      standbys_->close_all();
    else
      worked = standbys_->step() || worked;
  }
  if (Status status = failure(); !status.ok()) return status;
  return worked;
}

Status Engine::settle(bool commit) {
  for (;;) {
    for (;;) {
      Result<bool> worked = step();
      if (!worked.ok()) return worked.status();
      if (!*worked) break;
    }
    if (!commit) return {};
    // A commit lets records through a repartition topic, which are work again.
    // One that was aborted is tried again.
    const auto ended = [this] {
      std::int64_t sum = 0;
      for (const auto& worker : workers_) sum += worker->figures().commits + worker->figures().aborts;
      return sum;
    };
    const std::int64_t before = ended();
    for (const auto& worker : workers_) worker->request_commit();
    for (bool more = true; more;) {
      Result<bool> worked = step();
      if (!worked.ok()) return worked.status();
      more = *worked;
    }
    if (ended() == before) return {};
  }
}

KeptStores Engine::crash() {
  KeptStores kept;
  for (const auto& worker : workers_) worker->crash(kept);
  if (standbys_ != nullptr) standbys_->crash(kept);
  kept.merge(environment_->kept);
  return kept;
}

void Engine::request_stop() {
  stopping_ = true;
  for (const auto& worker : workers_) worker->request_stop();
  if (standbys_ != nullptr) standbys_->request_stop();
}

void Engine::abandon() {
  for (const auto& worker : workers_) worker->abandon();
}

bool Engine::finished() const {
  return std::all_of(workers_.begin(), workers_.end(), [](const auto& worker) { return worker->finished(); });
}

Status Engine::failure() const {
  for (const auto& worker : workers_) {
    if (Status status = worker->failure(); !status.ok()) return status;
  }
  return failed_;
}

Status Engine::visit(const std::function<void(Task::Impl&)>& visit) {
  if (threads_.empty()) {
    for (const auto& worker : workers_) {
      for (const auto& task : worker->owned()) visit(*task);
    }
    return {};
  }
  bool all = true;
  std::latch done{static_cast<std::ptrdiff_t>(workers_.size())};
  {
    const std::lock_guard moving{environment_->moves};
    ++environment_->visits;
    for (const auto& worker : workers_) {
      const bool posted = worker->post([&worker = *worker, &visit, &done] {
        const CountDown at_the_end{done};
        for (const auto& task : worker.owned()) visit(*task);
      });
      if (posted) continue;
      all = false;
      done.count_down();
    }
  }
  done.wait();
  const std::lock_guard moving{environment_->moves};
  --environment_->visits;
  return all ? Status{} : Status{Code::unavailable, "application \"" + application_id_ + "\": has stopped", application_id_};
}

Result<std::vector<Assignment::Owner>> Engine::owners(const std::string& store) const {
  if (!assigned_) return Status{Code::unavailable, "table \"" + store + "\": the partitions are not assigned yet", store};
  for (const SubPlan& sub : plan_.subs) {
    if (std::none_of(sub.stores.begin(), sub.stores.end(), [&store](const StorePlan& each) { return each.name == store; })) continue;
    return assignment_->owners(sub);
  }
  return Status{Code::not_found, "table \"" + store + "\": the topology has no store of this name", store};
}

Result<bool> Engine::drained() {
  // Writers come before readers in the plan, so what a look at an earlier topic has missed shows up in a later one; two equal looks in a
  // row also settle circles.
  std::int64_t ends[2] = {0, 0};
  for (std::int64_t& sum : ends) {
    for (const SubPlan& sub : plan_.subs) {
      for (const int input : sub.inputs) {
        std::vector<log::TopicPartition> partitions;
        partitions.reserve(static_cast<std::size_t>(plan_.partitions(input)));
        for (log::Partition p = 0; p < plan_.partitions(input); ++p) partitions.push_back({plan_.topic_name(input), p});
        Result<std::vector<std::optional<log::Committed>>> committed = log_.committed(application_id_, partitions);
        if (!committed.ok()) return committed.status();
        for (std::size_t p = 0; p < partitions.size(); ++p) {
          Result<log::Bounds> bounds = log_.bounds(partitions[p]);
          if (!bounds.ok()) return bounds.status();
          const log::Offset at = (*committed)[p] ? (*committed)[p]->offset : bounds->begin;
          if (at < bounds->end) return false;
          sum += bounds->end;
        }
      }
    }
  }
  // What is in the log shows in the stores when its commit is settled.
  return ends[0] == ends[1] && !restoring() &&
         std::none_of(workers_.begin(), workers_.end(), [](const auto& worker) { return worker->committing(); });
}

std::vector<std::shared_ptr<Task::Impl::Figures>> Engine::figures() const {
  if (!ready_) return {};
  return assignment_->figures();
}

bool Engine::restoring() const { return ready_ && assignment_->restoring(); }

}  // namespace klamm::inline v0::runtime
