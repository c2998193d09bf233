#include "runtime/task.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "graph/graph.hpp"

namespace klamm::inline v0::detail {

using runtime::Input;
using runtime::TaskStore;

Task::Impl::Impl(runtime::Environment& environment, const runtime::SubPlan& sub, log::Partition partition)
    : env_{&environment}, sub_{&sub}, partition_{partition}, task_{*this} {
  figures_->sub_topology = sub.name;
  figures_->partition = partition;
  const Graph& graph = *environment.plan.graph;
  figures_->operators = std::vector<Figures::PerOperator>(graph.nodes.size());
  clones_.resize(graph.stages.size());
  writers_.resize(graph.nodes.size());
  for (const runtime::StorePlan& store : sub.stores) stores_.push_back(std::make_unique<TaskStore>(environment, store, partition));
  for (const int topic : sub.inputs) {
    Input& input = inputs_.emplace_back();
    input.topic = topic;
    input.tp = {environment.plan.topic_name(topic), partition};
  }
  task_.context.task = &task_;
  task_.survives_exceptions_ = std::any_of(sub.inputs.begin(), sub.inputs.end(), [&](int topic) {
    return policy_of(ErrorStage::process, topic, NodeId::none).kind() != ErrorPolicy::Kind::fail;
  });
}

Task::Impl::~Impl() {
  set_wake({});
  figures_->closed = true;
}

Status Task::Impl::open() {
  if (Status status = find_committed(); !status.ok()) return status;
  for (const auto& store : stores_) {
    const auto known = settled_.stores.find(store->plan().name);
    const Input* source = input_of(store->plan().source_topic);
    if (Status status = store->open(known == settled_.stores.end() ? nullptr : &known->second, source == nullptr ? 0 : source->committed);
        !status.ok())
      return status;
    figures_->restore_total += store->restore_total();
    if (store->had_standby()) figures_->had_standby = true;
    figures_->stores[store->plan().name] = {store->store().reader(), store->figures()};
  }
  for (Input& input : inputs_) {
    Result<std::unique_ptr<log::Reader>> reader = env_->log.reader(input.tp, input.committed, [wake = wake_] {
      const std::lock_guard lock{wake->mutex};
      if (wake->call) wake->call();
    });
    if (!reader.ok()) return reader.status();
    input.reader = std::move(*reader);
  }
  instantiate();
  if (Status status = judge_inputs(); !status.ok()) return status;
  figures_->restoring = restoring();
  measure_lag();
  return {};
}

void Task::Impl::set_wake(std::function<void()> wake) {
  const std::lock_guard lock{wake_->mutex};
  wake_->call = std::move(wake);
}

bool Task::Impl::tick(std::int64_t steady_ms) {
  measure_lag();
  if (committed_at_ms_ < 0) committed_at_ms_ = steady_ms;
  if (inputs_.size() > 1 && steady_ms - committed_at_ms_ >= env_->settings.recommit_interval.milliseconds()) changed_ = true;
  bool more = false;
  for (const auto& store : stores_) more = store->tick(steady_ms) || more;
  return more;
}

Status Task::Impl::find_committed() {
  std::vector<log::TopicPartition> partitions;
  for (const Input& input : inputs_) partitions.push_back(input.tp);
  Result<std::vector<std::optional<log::Committed>>> found = env_->log.committed(env_->plan.application_id, partitions);
  if (!found.ok()) return found.status();
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    Input& input = inputs_[i];
    if (const std::optional<log::Committed>& committed = (*found)[i]) {
      input.committed = committed->offset;
      if (i != 0 || committed->metadata.empty()) continue;
      Result<runtime::CommitMark> mark = runtime::CommitMark::decode(committed->metadata, "topic " + to_string(input.tp));
      if (!mark.ok()) return mark.status();
      settled_ = std::move(*mark);
      continue;
    }
    if (const auto known = settled_.followers.find(input.tp.topic); i != 0 && known != settled_.followers.end()) {
      input.committed = known->second;  // forgotten by the brokers, not by us
      continue;
    }
    Result<log::Bounds> bounds = env_->log.bounds(input.tp);
    if (!bounds.ok()) return bounds.status();
    const bool latest = env_->plan.graph->topics[static_cast<std::size_t>(input.topic)].info.start_at == Start::latest;
    input.committed = latest ? bounds->end : bounds->begin;
    input.unsaid = latest && bounds->end != bounds->begin;
  }
  rewind_clocks();
  return {};
}

void Task::Impl::rewind_clocks() {
  const auto settled = [this](const std::string& name, Timestamp otherwise) {
    const auto found = settled_.clocks.find(name);
    return found == settled_.clocks.end() ? otherwise : found->second;
  };
  task_.stream_time = settled("", Timestamp{-1});
  for (auto& [name, time] : clocks_) time = settled(name, Task::no_time);
}

Status Task::Impl::judge_inputs() {
  for (Input& input : inputs_) {
    const TopicEntry& topic = env_->plan.graph->topics[static_cast<std::size_t>(input.topic)];
    if (topic.cls != TopicClass::repartition) continue;
    Result<log::Bounds> bounds = env_->log.bounds(input.tp);
    if (!bounds.ok()) return bounds.status();
    const bool upgrades = std::all_of(input.sources.begin(), input.sources.end(), [](const SourceStage* s) { return s->upgrades(); });
    const runtime::Types types{topic.key_schema, topic.value_schema, upgrades};
    const std::string what = "topic \"" + input.tp.topic + "\": partition " + std::to_string(input.tp.partition) +
                             ": records of an earlier version of the program wait in it, with ";
    runtime::Written& known = settled_.inputs[input.tp.topic];
    Result<runtime::Written> written = go_on(known, types, {input.committed, bounds->end}, what);
    if (!written.ok()) return written.status();
    if (const std::string* older = written->older_at(input.committed); older != nullptr && !upgrades)
      return no_upgrade(*older, types, what);
    unannounced_ = unannounced_ || *written != known;
    input.written = known = std::move(*written);
  }
  return {};
}

std::optional<log::OffsetCommit> Task::Impl::announcement() {
  if (!std::exchange(unannounced_, false)) return std::nullopt;
  return log::OffsetCommit{inputs_.front().tp, {inputs_.front().committed, settled_.encode()}};
}

void Task::Impl::instantiate() {
  const Graph& graph = *env_->plan.graph;
  for (std::size_t i = 0; i < graph.stages.size(); ++i) {
    const StageEntry& entry = graph.stages[i];
    if (entry.source == nullptr) continue;
    const auto input =
        std::find_if(inputs_.begin(), inputs_.end(), [&](const Input& in) { return in.topic == graph.at(entry.origin).topic; });
    if (input == inputs_.end()) continue;
    if (clones_[i] == nullptr) clones_[i] = entry.prototype->clone(task_);
    input->sources.push_back(static_cast<SourceStage*>(clones_[i].get()));
  }
}

Status Task::Impl::attach(log::Producer& producer) {
  for (const auto& sink : sinks_) {
    Result<log::Producer::Topic> number = producer.topic(env_->plan.topic_name(sink->topic));
    if (!number.ok()) return number.status();
    sink->producer = &producer;
    sink->number = *number;
    sink->limits = producer.limits(*number);
    sink->latest_ms = sink->limits.after_ms == INT64_MAX ? INT64_MAX : -1;
    sink->partitions = env_->plan.partitions(sink->topic);
    sink->next = partition_ % sink->partitions;
  }
  for (const auto& [topic, partitions] : env_->plan.dead_letters) {
    Result<log::Producer::Topic> number = producer.topic(topic);
    if (!number.ok()) return number.status();
    dead_letters_[topic] = {this, -1, &producer, *number, partitions, 0, 0};
  }
  for (const auto& store : stores_) {
    if (Status status = store->attach(producer); !status.ok()) return status;
  }
  return {};
}

Result<bool> Task::Impl::restore_some(std::size_t limit) {
  if (figures_->restore_began_ms == 0) figures_->restore_began_ms = env_->clock.steady_ms();
  TaskStore& store = *stores_[restoring_];
  Result<TaskStore::Restored> done = store.restore_some(limit);
  if (!done.ok()) return done.status();
  if (*done == TaskStore::Restored::waits) return false;
  if (*done == TaskStore::Restored::all) ++restoring_;
  std::int64_t restored = 0;
  for (const auto& each : stores_) restored += each->restored();
  figures_->restored = restored;
  figures_->restoring = restoring();
  return true;
}

Result<std::size_t> Task::Impl::process_some(std::size_t limit) {
  if (Status status = start_processors(); !status.ok()) return status;
  if (waiting_ && env_->clock.steady_ms() < retry_at_ms_) return std::size_t{0};
  waiting_ = false;
  if (inputs_.size() > 1) return process_merged(limit);
  Input& input = inputs_.front();
  Result<std::size_t> taken = input.reader->poll(limit, [&](std::span<const RawMessage> batch) { return run_batch(input, batch); });
  if (!taken.ok()) return taken;
  if (!halt_.ok()) return halt_;
  if (*taken != 0) measure_lag();
  return taken;
}

Timestamp Task::Impl::time_of(Input& input, const RawMessage& message) {
  Timestamp time = message.timestamp;
  task_.context.topic = &input.tp.topic;
  try {
    // What can't be decoded keeps the log's time.
    if (!input.sources.front()->timestamp_of(message, time)) time = message.timestamp;
  } catch (...) {
    time = message.timestamp;  // and is reported when its turn comes
  }
  return time;
}

Result<std::size_t> Task::Impl::process_merged(std::size_t limit) {
  std::size_t done = 0;
  while (done < limit) {
    Input* first = nullptr;
    const Input* second = nullptr;  // of several with equal times the first in the plan's order, whatever the batches are
    Timestamp first_time, second_time;
    for (Input& input : inputs_) {
      if (input.ahead.empty()) {
        if (Result<std::size_t> filled = input.ahead.fill(*input.reader, 64); !filled.ok()) return filled;
      }
      if (input.ahead.empty()) {
        if (input.reader->has_been_at_end()) continue;
        first = nullptr;  // what is there and has not come yet may be older
        break;
      }
      const Timestamp time = time_of(input, input.ahead.front());
      if (first == nullptr || time < first_time) {
        second = first;
        second_time = first_time;
        first = &input;
        first_time = time;
      } else if (second == nullptr || time < second_time) {
        second = &input;
        second_time = time;
      }
    }
    if (first == nullptr) break;
    // As long as this input's records are not later than the others' first, they are a run.
    const std::span<const RawMessage> rest = first->ahead.rest();
    std::size_t run = 1;
    for (; run < rest.size() && run < limit - done; ++run) {
      if (second == nullptr) continue;
      const Timestamp time = time_of(*first, rest[run]);
      if (time > second_time || (time == second_time && second < first)) break;
    }
    const std::size_t taken = run_batch(*first, rest.first(run));
    first->ahead.drop(taken);
    done += taken;
    if (!halt_.ok()) return halt_;
    if (waiting_) break;
  }
  if (done != 0) measure_lag();
  return done;
}

std::size_t Task::Impl::run_batch(Input& input, std::span<const RawMessage> batch) {
  if (batch.empty() || batch.front().offset >= input.written.older_end()) [[likely]]
    return run_records(input, batch);
  const std::string* const schema = input.written.older_at(batch.front().offset);
  std::size_t run = 1;
  while (run < batch.size() && input.written.older_at(batch[run].offset) == schema) ++run;
  for (SourceStage* source : input.sources) source->decode_as(schema);
  const std::size_t done = run_records(input, batch.first(run));
  for (SourceStage* source : input.sources) source->decode_as(nullptr);
  return done;
}

std::size_t Task::Impl::run_records(Input& input, std::span<const RawMessage> batch) {
  batch_topic_ = &input.tp.topic;
  const auto goes_on = [this] { return halt_.ok() && !waiting_; };
  std::size_t done = 0;
  if (input.sources.size() == 1) {
    while (done < batch.size() && goes_on()) {
      done += run_once(*input.sources.front(), batch.subspan(done));
      punctuate_stream_time();
    }
  } else {
    // Several readers of one topic: each record goes all the way through one reader before the next, as at a branch.
    while (done < batch.size() && goes_on()) {
      run_once(*input.sources[input.next_source], batch.subspan(done, 1));
      if (!goes_on()) break;
      input.next_source = (input.next_source + 1) % input.sources.size();
      if (input.next_source != 0) continue;
      ++done;
      punctuate_stream_time();
    }
  }
  batch_ = {};
  task_.halt(!halt_.ok());
  figures_->processed.fetch_add(static_cast<std::int64_t>(done), std::memory_order_relaxed);
  return done;
}

std::size_t Task::Impl::run_once(SourceStage& source, std::span<const RawMessage> batch) {
  batch_ = batch;
  task_.context.topic = batch_topic_;
  try {
    return source.run(batch);
  } catch (...) {
    if (halt_.ok()) find_context(source);
    task_.published_ = false;
    const auto failed = std::find_if(batch.begin(), batch.end(), [this](const RawMessage& m) { return m.offset == task_.context.offset; });
    const auto done = static_cast<std::size_t>(failed - batch.begin());
    if (failed == batch.end()) {  // no record can be blamed, so none may be skipped
      if (!halt_.ok()) return 0;
      halt_ = Status{Code::internal, "topic \"" + *task_.context.topic + "\": an exception came from no record of the batch",
                     *task_.context.topic};
      return 0;
    }
    return goes_on_after_exception() ? done + 1 : done;
  }
}

Status Task::Impl::feed(int topic, std::span<const RawMessage> batch) {
  for (Input& input : inputs_) {
    if (input.topic == topic) run_batch(input, batch);
  }
  return halt_;
}

void Task::Impl::measure_lag() {
  std::int64_t lag = 0;
  for (const Input& input : inputs_) lag += input.reader->end() - input.committed;
  figures_->lag.store(lag, std::memory_order_relaxed);
}

bool Task::Impl::is_mending() const {
  return std::any_of(stores_.begin(), stores_.end(), [](const auto& store) { return store->looks_for_others(); });
}

bool Task::Impl::dirty() const {
  return changed_ || std::any_of(stores_.begin(), stores_.end(), [](const auto& store) { return store->has_to_write_again(); }) ||
         std::any_of(inputs_.begin(), inputs_.end(),
                     [](const Input& input) { return input.unsaid || input.position() != input.committed; });
}

Status Task::Impl::begin_commit(log::Producer& producer) {
  if (Status status = release_held(); !status.ok()) return status;
  in_flight_ = {};
  committing_ = true;
  for (Input& input : inputs_) input.in_flight = input.position();
  for (const auto& store : stores_) {
    if (Status status = store->drain(producer); !status.ok()) return status;
  }
  for (const auto& [name, time] : clocks_) {
    if (time != Task::no_time) in_flight_.clocks[name] = time;
  }
  in_flight_.clocks[""] = task_.stream_time;
  punctuations_.save(in_flight_);
  changed_ = false;
  in_flight_.inputs = settled_.inputs;
  for (const Input& input : std::span{inputs_}.subspan(1)) in_flight_.followers[input.tp.topic] = input.in_flight;
  committed_at_ms_ = env_->clock.steady_ms();
  return {};
}

void Task::Impl::add_offsets(std::span<const log::Producer::Prepared::End> ends, std::vector<log::OffsetCommit>& offsets) {
  if (!committing_) return;
  for (const auto& store : stores_) {
    const Input* source = input_of(store->plan().source_topic);
    store->look_for_others(ends);
    in_flight_.stores[store->plan().name] = store->mark(ends, source == nullptr ? 0 : source->in_flight);
  }
  for (const Input& input : inputs_)
    offsets.push_back({input.tp, {input.in_flight, &input == inputs_.data() ? in_flight_.encode() : std::string{}}});
}

Status Task::Impl::release_held() {
  batch_ = {};  // no record of it is at work any more
  try {
    // Stages stand in the order in which they were committed, each behind what it reads.
    for (const auto& stage : clones_) {
      if (stage != nullptr) stage->before_commit(task_);
      if (!halt_.ok()) return halt_;
    }
  } catch (...) {
    if (halt_.ok()) throw;  // not a user's function's
  }
  return halt_;
}

Status Task::Impl::settle() {
  if (!committing_) return {};
  committing_ = false;
  settled_ = std::move(in_flight_);
  for (const auto& store : stores_) {
    if (Status status = store->settle(settled_.stores[store->plan().name]); !status.ok()) return status;
  }
  for (Input& input : inputs_) {
    input.committed = input.in_flight;
    input.unsaid = false;
  }
  measure_lag();
  return purge();
}

Status Task::Impl::purge() {
  const std::int64_t now = env_->clock.steady_ms();
  for (Input& input : inputs_) {
    const bool repartition = env_->plan.graph->topics[static_cast<std::size_t>(input.topic)].cls == TopicClass::repartition;
    const bool serves =
        std::any_of(stores_.begin(), stores_.end(), [&](const auto& store) { return store->plan().source_topic == input.topic; });
    if (!repartition && (!env_->settings.purge_sources || serves)) continue;
    if (input.committed - input.purged < 1000 && now - input.purged_at_ms < 1000) continue;
    const Status status = env_->log.purge(input.tp, input.committed);
    if (status.code() == Code::unavailable) continue;  // there is no hurry
    if (!status.ok()) return status;
    input.purged = input.committed;
    input.purged_at_ms = now;
  }
  return {};
}

Status Task::Impl::abort() {
  committing_ = false;
  stop_processors();
  for (const auto& store : stores_) store->abort();
  for (Input& input : inputs_) {
    input.ahead.clear();
    input.next_source = 0;
    input.reader->seek(input.committed);
  }
  for (const auto& stage : clones_) {
    if (stage != nullptr) stage->after_abort();
  }
  rewind_clocks();
  halt_ = {};
  waiting_ = false;
  task_.halt(false);
  measure_lag();
  return {};
}

Status Task::Impl::close() {
  Status first;
  for (const auto& store : stores_) {
    if (Status status = store->close(); !status.ok() && first.ok()) first = status;
  }
  if (env_->settings.state_dir.empty() && !restoring()) keep_stores(env_->kept);
  figures_->closed = true;
  return first;
}

void Task::Impl::keep_stores(runtime::KeptStores& kept) {
  const std::lock_guard lock{env_->keeping};
  for (const auto& store : stores_) {
    if (store->is_open()) kept[{store->plan().name, partition_}] = store->release();
  }
  stores_.clear();
}

void Task::Impl::give_back() {
  // Without standbys nobody would write what is left in memory to the files.
  if (env_->settings.state_dir.empty() || env_->standbys != nullptr) keep_stores(env_->kept);
}

Result<Task::Impl::Standing> Task::Impl::compare_with_log() {
  const std::int64_t now = env_->clock.steady_ms();
  if (now < compare_at_ms_) return Standing::unknown;
  std::vector<log::TopicPartition> partitions;
  for (const Input& input : inputs_) partitions.push_back(input.tp);
  Result<std::vector<std::optional<log::Committed>>> found = env_->log.committed(env_->plan.application_id, partitions);
  if (found.status().code() == Code::unavailable) {
    compare_at_ms_ = now + 100;
    return Standing::unknown;
  }
  if (!found.ok()) return found.status();
  in_doubt_ = false;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if ((*found)[i] && (*found)[i]->offset != inputs_[i].committed) return Standing::moved;
  }
  return Standing::same;
}

void Task::Impl::crash(runtime::KeptStores& kept) {
  if (restoring()) return;
  static_cast<void>(abort());
  keep_stores(kept);
}

StoreBase* Task::Impl::find_store(const std::string& name) {
  for (const auto& store : stores_) {
    if (store->plan().name == name) return &store->store();
  }
  return nullptr;
}

const Input* Task::Impl::input_of(int topic) const {
  const auto found = std::find_if(inputs_.begin(), inputs_.end(), [topic](const Input& input) { return input.topic == topic; });
  return found == inputs_.end() ? nullptr : &*found;
}

}  // namespace klamm::inline v0::detail
