// What processors and their stores ask of their task: the bodies behind klamm/processor.hpp and klamm/store.hpp.

#include "klamm/processor.hpp"

#include <cstring>

#include "graph/graph.hpp"
#include "klamm/detail/ops/process.hpp"
#include "runtime/task.hpp"

namespace klamm::inline v0 {

using detail::Schedule;

void Punctuation::cancel() {
  if (schedule_ == nullptr || schedule_->cancelled) return;
  schedule_->cancelled = true;
  detail::ContextAccess::task(*schedule_->context).impl().cancelled(*schedule_);
}

Timestamp ProcessorContext::timestamp() const { return current_ == nullptr ? stream_time() : current_->timestamp; }
Timestamp ProcessorContext::stream_time() const { return task_->stream_time; }
Timestamp ProcessorContext::wall_clock() const { return task_->impl().wall_clock(); }
std::int32_t ProcessorContext::partition() const { return task_->impl().partition(); }
void ProcessorContext::commit() { task_->impl().want_commit(); }

Punctuation ProcessorContext::schedule(Duration every, Time time, Callback<void(Timestamp)> f) {
  auto schedule = std::make_shared<Schedule>();
  schedule->context = this;
  schedule->f = std::move(f);
  schedule->time = time;
  schedule->every = every.milliseconds();
  task_->impl().add(schedule, node_);
  return Punctuation{std::move(schedule)};
}

RecordContext* ProcessorContext::current(const char* call) {
  if (current_ == nullptr)
    task_->impl().misused(node_, std::string{call} +
                                     " was called while none of the processor's functions was running: call it from "
                                     "process, close or a punctuation");
  return current_;
}

RecordContext* ProcessorContext::keyless() {
  task_->impl().misused(
      node_,
      "forward(value) was called without a record whose key it could keep: use process and klamm::Context to forward from "
      "punctuations and close");
  return nullptr;
}

void ProcessorContext::changes(const RecordContext& at) {
  if (at.offset < 0) task_->impl().changed_without_record();
}

namespace detail {

RecordContext* StoreAccess::changing(const char* call) {
  RecordContext* const at = context_->current(call);
  if (at == nullptr || at->task->halted()) return nullptr;
  context_->changes(*at);
  return at;
}

void StoreAccess::refuse(const Encoded& result) {
  const RecordContext* const at = context_->current("a store");
  if (at != nullptr) context_->task_->unencodable(context_->node_, *at, result);
}

void StoreAccess::failed(const Status& status) { context_->task_->impl().fail(status); }

void StoreAccess::failed(const Decoded& result) {
  const std::string& name = context_->task_->impl().operator_name(context_->node_);
  failed(Status{Code::data_loss, "operator \"" + name + "\": a row of its store can't be decoded: " + result.reason, name});
}

// A copied row: sizes of key and value, time, key, value.
struct RowHead {
  std::uint32_t key_size;
  std::uint32_t value_size;
  Timestamp timestamp;
};

Status RowCopies::take(StoreBase& store, BytesView prefix) {
  return store.for_each(
      Contents::current,
      [this](BytesView key, BytesView value, Timestamp timestamp) {
        const RowHead head{static_cast<std::uint32_t>(key.size()), static_cast<std::uint32_t>(value.size()), timestamp};
        const auto* const bytes = reinterpret_cast<const std::byte*>(&head);
        bytes_.insert(bytes_.end(), bytes, bytes + sizeof head);
        bytes_.insert(bytes_.end(), key.begin(), key.end());
        bytes_.insert(bytes_.end(), value.begin(), value.end());
      },
      prefix);
}

bool RowCopies::next() {
  if (at_ == bytes_.size()) return false;
  RowHead head;
  std::memcpy(&head, bytes_.data() + at_, sizeof head);
  at_ += sizeof head;
  key_ = BytesView{bytes_}.subspan(at_, head.key_size);
  value_ = BytesView{bytes_}.subspan(at_ + head.key_size, head.value_size);
  timestamp_ = head.timestamp;
  at_ += head.key_size + head.value_size;
  return true;
}

// On the side of the task.

void Task::Impl::add(const std::shared_ptr<Schedule>& schedule, NodeId node) {
  if (schedule->every <= 0 || !schedule->f) {
    misused(node, "schedule(every, time, f): every is " + std::to_string(schedule->every) + " ms" + (schedule->f ? "" : " and f is empty") +
                      ": say at least 1 ms and what to call");
    return;
  }
  schedule->owner = operator_name(node);
  if (constructing_ == schedule->context) schedule->number = scheduled_++;
  punctuations_.add(schedule, settled_, env_->clock.steady_ms());
  task_.stop_at(Timestamp{punctuations_.next(Time::stream)});
}

void Task::Impl::cancelled(const Schedule& schedule) {
  if (schedule.number >= 0) changed_ = true;
}

void Task::Impl::misused(NodeId node, const std::string& what) {
  const std::string& name = operator_name(node);
  fail({Code::invalid_argument, "operator \"" + name + "\": " + what, name});
}

void Task::Impl::fail(const Status& status) {
  if (halt_.ok()) halt_ = status;
  task_.halt(true);
}

const std::string& Task::Impl::operator_name(NodeId node) const { return env_->plan.graph->at(node).name; }
Timestamp Task::Impl::wall_clock() const { return env_->clock.now(); }

}  // namespace detail

}  // namespace klamm::inline v0
