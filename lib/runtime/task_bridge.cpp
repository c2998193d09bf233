// What operators ask of their task: the bodies behind klamm/detail/stage.hpp.

#include <algorithm>
#include <exception>
#include <utility>

#include "graph/graph.hpp"
#include "log/partitioner.hpp"
#include "runtime/task.hpp"

namespace klamm::inline v0::detail {
namespace {

/// Records without a key stay in a partition for a run, so that batches are not torn apart.
constexpr int keyless_run = 256;

}  // namespace

std::string what_was_thrown() {
  try {
    throw;
  } catch (const std::exception& e) {
    return std::string{"threw: "} + e.what();
  } catch (...) {
    return "threw something that is no std::exception";
  }
}

void Task::connect(FanBase& fan, NodeId node) {
  const Graph& graph = *impl_->env_->plan.graph;
  for (const int index : consumers_of(graph, node)) {
    auto& clone = impl_->clones_[static_cast<std::size_t>(index)];
    if (clone == nullptr) clone = graph.stages[static_cast<std::size_t>(index)].prototype->clone(*this);
    fan.add(*clone);
  }
}

Stage& Task::stage(NodeId node) {
  const Graph& graph = *impl_->env_->plan.graph;
  const auto index = static_cast<std::size_t>(graph.at(node).stage);
  auto& clone = impl_->clones_[index];
  if (clone == nullptr) clone = graph.stages[index].prototype->clone(*this);
  return *clone;
}

Writer* Task::writer(NodeId node) {
  auto& writer = impl_->writers_[static_cast<std::size_t>(node)];
  if (writer == nullptr) {
    auto sink = std::make_unique<Sink>();
    sink->task = impl_;
    sink->topic = impl_->env_->plan.graph->at(node).topic;
    writer = std::make_unique<Writer>();
    writer->task = this;
    writer->node = node;
    writer->sink = sink.get();
    writer->key.reserve(64);  // so that an empty key is not a null one
    writer->value.reserve(64);
    impl_->sinks_.push_back(std::move(sink));
  }
  return writer.get();
}

StoreBase& Task::store(StoreId id) {
  for (const auto& store : impl_->stores_) {
    if (store->plan().id == id) return store->store();
  }
  std::terminate();  // the plan gives each sub-topology the stores of its nodes
}

Timestamp& Task::clock(NodeId node, const char* which) {
  const Graph& graph = *impl_->env_->plan.graph;
  const StoreId store = graph.at(node).store;
  const std::string name = (store != StoreId::none ? graph.at(store).name : graph.at(node).name) + '/' + which;
  const auto known = impl_->settled_.clocks.find(name);
  return impl_->clocks_.try_emplace(name, known == impl_->settled_.clocks.end() ? no_time : known->second).first->second;
}

void Writer::send(BytesView key_bytes, BytesView value_bytes, const RecordContext& context) {
  Sink& to = *static_cast<Sink*>(sink);
  const std::size_t size = key_bytes.size() + value_bytes.size() + context.headers.bytes().size();
  const bool surely_taken = size <= to.limits.bytes && context.timestamp.milliseconds() <= to.latest_ms && to.limits.before_ms == INT64_MAX;
  if (!surely_taken && !to.task->takes(to, node, size, context)) return;
  log::Partition target = 0;
  if (to.partitions > 1) {
    if (partition >= 0) {
      target = partition;
    } else if (key_bytes.data() != nullptr) {
      target = log::partition_of(key_bytes, to.partitions);
    } else {
      if (++to.run > keyless_run) {
        to.run = 0;
        to.next = (to.next + 1) % to.partitions;
      }
      target = to.next;
    }
  }
  to.producer->append(to.number, target, key_bytes, value_bytes, context.timestamp, context.headers.bytes());
}

bool Task::Impl::takes(Sink& sink, NodeId node, std::size_t size, const RecordContext& context) {
  const std::string topic = "topic \"" + env_->plan.topic_name(sink.topic) + "\" ";
  const auto& [bytes, before_ms, after_ms] = sink.limits;
  std::string reason;
  if (size > bytes) {
    reason =
        topic + "takes records of at most " + std::to_string(bytes) + " bytes (max.message.bytes), this one has " + std::to_string(size);
  } else {
    const std::int64_t now = env_->clock.now().milliseconds(), time = context.timestamp.milliseconds();
    if (after_ms != INT64_MAX) sink.latest_ms = now + after_ms;
    if (time > sink.latest_ms)
      reason = topic + "takes timestamps up to " + std::to_string(after_ms) +
               " ms after now (message.timestamp.after.max.ms), this record's is " + std::to_string(time - now) + " ms";
    else if (before_ms != INT64_MAX && time < now - before_ms)
      reason = topic + "takes timestamps up to " + std::to_string(before_ms) +
               " ms before now (message.timestamp.before.max.ms), this record's is " + std::to_string(now - time) + " ms";
  }
  if (!reason.empty()) task_.unproducible(node, context, reason);
  return reason.empty();
}

int Writer::partitions() const { return static_cast<const Sink*>(sink)->partitions; }

void Task::dropped(NodeId node, const RecordContext& at, Drop why) {
  impl_->figures_->dropped.fetch_add(1, std::memory_order_relaxed);
  impl_->figures_->operators[static_cast<std::size_t>(node)].dropped.fetch_add(1, std::memory_order_relaxed);
  if (why != Drop::null_value) return;
  const runtime::Logger& logger = impl_->env_->logger;
  if (impl_->null_values_.admit(logger.clock()) == 0) return;
  logger(Level::warning, "task",
         "topic \"" + *at.topic + "\": a null value was dropped by operator \"" + impl_->env_->plan.graph->at(node).name +
             "\": read the topic as std::optional, or as a table",
         {{"topic", *at.topic}, {"partition", std::to_string(at.partition)}, {"offset", std::to_string(at.offset)}});
}

void Task::late(NodeId node, const RecordContext& at, Duration lateness) {
  auto& figures = impl_->figures_->operators[static_cast<std::size_t>(node)];
  figures.late.fetch_add(1, std::memory_order_relaxed);
  if (figures.greatest_lateness_ms < lateness.milliseconds()) figures.greatest_lateness_ms = lateness.milliseconds();  // one writer
  dropped(node, at, Drop::late);
}

void Task::stop(NodeId node, const RecordContext& at, const std::string& reason) {
  const std::string& name = impl_->env_->plan.graph->at(node).name;
  impl_->halt_ = Status{Code::resource_exhausted,
                        "topic \"" + *at.topic + "\" partition " + std::to_string(at.partition) + " offset " + std::to_string(at.offset) +
                            ": operator \"" + name + "\" " + reason,
                        name};
  halt(true);
}

void Task::null_key(NodeId node, const RecordContext& at) {
  static_cast<void>(impl_->goes_on(
      ErrorStage::process, node, at,
      "its function takes the key, and the record has none: take the value only, or read the topic with std::optional keys"));
}

bool Task::undecodable(NodeId node, const RawMessage& message, const Decoded& decoded) {
  RecordContext at = context;
  at.offset = message.offset;
  at.partition = message.partition;
  if (decoded.code == Decoded::Code::unavailable) return impl_->try_again(node, at, decoded.reason), false;
  return impl_->goes_on(ErrorStage::decode, node, at, std::string{"can't decode the record: "} + decoded.reason);
}

bool Task::is_ahead(Timestamp timestamp, std::int64_t limit_ms) const { return timestamp > impl_->env_->clock.now() + Duration{limit_ms}; }

void Task::unencodable(NodeId node, const RecordContext& at, const Encoded& result) {
  static_cast<void>(impl_->goes_on(ErrorStage::produce, node, at, std::string{"can't write the record: "} + result.reason));
}

void Task::unproducible(NodeId node, const RecordContext& at, const std::string& reason) {
  static_cast<void>(impl_->goes_on(ErrorStage::produce, node, at, reason));
}

void Task::refused(NodeId node, const RecordContext& at, const Status& status) {
  static_cast<void>(
      impl_->goes_on(ErrorStage::process, node, at, status.message().empty() ? "its function returned an error" : status.message()));
}

void Task::guarded(void (*push)(Stage&, void*, void*, RecordContext&), Stage& port, void* key, void* value, RecordContext& at) {
  try {
    push(port, key, value, at);
  } catch (...) {
    impl_->decoding_ = !std::exchange(published_, false);
    if (!impl_->goes_on_after_exception()) throw;
  }
}

bool Task::Impl::goes_on_after_exception() {
  if (!halt_.ok()) return false;  // a branch has spoken already
  const auto node = static_cast<NodeId>(task_.context.node);
  if (!decoding_) return goes_on(ErrorStage::process, node, task_.context, what_was_thrown());
  // The stage is known by its last operator; what has thrown belongs to its source.
  const Graph& graph = *env_->plan.graph;
  const NodeId source = graph.stages[static_cast<std::size_t>(graph.at(node).stage)].origin;
  return goes_on(ErrorStage::decode, source, task_.context, "the serde or the timestamp extractor " + what_was_thrown());
}

void Task::Impl::find_context(const SourceStage& source) {
  decoding_ = !std::exchange(task_.published_, false);
  if (!decoding_) return;
  const RawMessage& message = *task_.decoding;
  task_.context.timestamp = message.timestamp;
  task_.context.offset = message.offset;
  task_.context.partition = message.partition;
  task_.context.headers = Headers{message.headers};
  task_.context.node = static_cast<std::int32_t>(source.node);
}

const ErrorPolicy& Task::Impl::policy_of(ErrorStage stage, int topic, NodeId node) const {
  const Graph& graph = *env_->plan.graph;
  const auto own = [&graph](int number) -> const std::optional<ErrorPolicy>& {
    static const std::optional<ErrorPolicy> none;
    return number < 0 ? none : graph.topics[static_cast<std::size_t>(number)].info.on_error;
  };
  if (stage == ErrorStage::produce && node != NodeId::none) {
    if (const auto& policy = own(graph.at(node).topic)) return *policy;
  }
  if (const auto& policy = own(topic)) return *policy;
  return env_->settings.on_error.at(stage);
}

bool Task::Impl::goes_on(ErrorStage stage, NodeId node, const RecordContext& at, const std::string& reason) {
  static const std::string nowhere;
  const std::string& topic = at.topic != nullptr ? *at.topic : nowhere;
  const std::string op = node == NodeId::none ? std::string{"?"} : env_->plan.graph->at(node).name;
  FailedRecord record{.stage = stage, .topic = topic, .partition = at.partition, .offset = at.offset, .op = op, .reason = reason};
  const bool no_record = at.offset < 0;  // a punctuation, or an end
  // What was kept back comes from other records than those at work, and maybe from another topic.
  const auto raw =
      std::find_if(batch_.begin(), batch_.end(), [&](const RawMessage& m) { return at.topic == batch_topic_ && m.offset == at.offset; });
  if (raw != batch_.end()) {
    record.key = raw->key;
    record.value = raw->value;
    record.timestamp = raw->timestamp;
    record.headers = Headers{raw->headers};
  }

  const auto input = std::find_if(inputs_.begin(), inputs_.end(), [&at](const runtime::Input& in) { return &in.tp.topic == at.topic; });
  const ErrorPolicy& policy = policy_of(stage, input == inputs_.end() ? -1 : input->topic, node);
  Verdict verdict = policy.kind() == ErrorPolicy::Kind::skip          ? Verdict::skip
                    : policy.kind() == ErrorPolicy::Kind::dead_letter ? Verdict::dead_letter
                                                                      : Verdict::fail;
  std::string advice =
      "mend the program or the record, or go past it with the option on_error (of the topic or the application): klamm::skip() or "
      "klamm::dead_letter(topic)";
  if (policy.kind() == ErrorPolicy::Kind::custom) {
    try {
      verdict = policy.decide()(record);
      advice = "the custom error policy decided so";
    } catch (...) {
      advice = "the custom error policy " + what_was_thrown();
    }
  }
  if (verdict == Verdict::dead_letter && policy.topic().empty()) {
    verdict = Verdict::fail;
    advice = "the custom error policy decided for a dead-letter topic, and none is named: klamm::custom(f, topic)";
  }

  if (verdict == Verdict::dead_letter && no_record) verdict = Verdict::skip;  // there is nothing to write

  const std::string what =
      no_record ? " without a record, at " + std::to_string(at.timestamp.milliseconds()) + " ms" : " offset " + std::to_string(at.offset);
  const std::string where =
      "topic \"" + topic + "\" partition " + std::to_string(at.partition) + what + ": operator \"" + op + "\": " + reason;
  if (verdict == Verdict::fail) {
    halt_ = Status{Code::failed_record, where + "; nothing behind it is committed: " + advice, topic};
    task_.halt(true);
    return false;
  }
  figures_->skipped.fetch_add(1, std::memory_order_relaxed);
  if (node != NodeId::none) figures_->operators[static_cast<std::size_t>(node)].skipped.fetch_add(1, std::memory_order_relaxed);
  if (verdict == Verdict::dead_letter) bury(policy.topic(), record);
  if (const std::int64_t times = refused_.admit(env_->clock); times != 0) {
    env_->logger(Level::warning, "task", (verdict == Verdict::skip ? "skipped: " : "to " + policy.topic() + ": ") + where,
                 {{"topic", topic}, {"offset", std::to_string(at.offset)}, {"records", std::to_string(times)}});
  }
  return true;
}

void Task::Impl::try_again(NodeId node, const RecordContext& at, const std::string& reason) {
  constexpr std::int64_t pause_ms = 100;
  waiting_ = true;
  task_.halt(true);
  retry_at_ms_ = env_->clock.steady_ms() + pause_ms;
  const std::int64_t times = unavailable_.admit(env_->clock);
  if (times == 0) return;
  env_->logger(Level::warning, "task",
               "topic \"" + *at.topic + "\" partition " + std::to_string(at.partition) + " offset " + std::to_string(at.offset) +
                   ": operator \"" + env_->plan.graph->at(node).name + "\": the serde is unavailable, trying again: " + reason,
               {{"times", std::to_string(times)}});
}

void Task::Impl::bury(const std::string& topic, const FailedRecord& record) {
  static constexpr const char* stages[] = {"decode", "process", "produce"};
  const Sink& to = dead_letters_.at(topic);
  Bytes headers{record.headers.bytes().begin(), record.headers.bytes().end()};
  const auto add = [&headers](std::string_view name, std::string_view value) {
    Headers::append(headers, {name, BytesView{reinterpret_cast<const std::byte*>(value.data()), value.size()}});
  };
  add("klamm.error.topic", record.topic);
  add("klamm.error.partition", std::to_string(record.partition));
  add("klamm.error.offset", std::to_string(record.offset));
  add("klamm.error.operator", record.op);
  add("klamm.error.stage", stages[static_cast<int>(record.stage)]);
  add("klamm.error.reason", record.reason);
  to.producer->append(to.number, record.partition % to.partitions, record.key, record.value, record.timestamp, headers);
}

}  // namespace klamm::inline v0::detail
