// Processors of a task: when they are made, when their punctuations fire, how they end. What they ask of it is in processor.cpp.

#include <algorithm>

#include "graph/graph.hpp"
#include "klamm/detail/ops/process.hpp"
#include "runtime/task.hpp"

namespace klamm::inline v0::detail {

void Task::add_processor(Processor& processor) { impl_->processors_.push_back(&processor); }

void Task::halt(bool halted) {
  halted_ = halted;
  stops_at_ = halted ? Timestamp{INT64_MIN} : due_;
}

void Task::stop_at(Timestamp due) {
  due_ = due;
  halt(halted_);
}

Status Task::Impl::start_processors() {
  if (started_) return {};
  started_ = true;
  // Upstream comes first in the program: what a constructor forwards finds everything behind it made, what close() forwards finds it open.
  std::sort(processors_.begin(), processors_.end(),
            [](Processor* a, Processor* b) { return ContextAccess::node(a->context()) < ContextAccess::node(b->context()); });
  for (auto processor = processors_.rbegin(); processor != processors_.rend(); ++processor) {
    constructing_ = &(*processor)->context();
    scheduled_ = 0;
    Status failed;
    try {
      RecordContext at = no_record(*constructing_, Timestamp{std::max<std::int64_t>(task_.stream_time.milliseconds(), 0)});
      const AtWork working{*constructing_, at, nullptr};
      (*processor)->start();
    } catch (...) {
      const std::string& name = env_->plan.graph->at(ContextAccess::node(*constructing_)).name;
      failed = {Code::failed_precondition,
                "task " + this->name() + ": making the processor of operator \"" + name + "\" " + what_was_thrown(), name};
    }
    constructing_ = nullptr;
    if (!failed.ok()) return failed;
    if (!halt_.ok()) return halt_;
  }
  task_.stop_at(Timestamp{punctuations_.next(Time::stream)});
  return {};
}

void Task::Impl::stop_processors() {
  started_ = changed_ = commit_wanted_ = false;
  punctuations_.clear();
  for (Processor* processor : processors_) processor->stop();
  task_.stop_at(Task::never);
}

Status Task::Impl::close_processors() {
  if (!started_ || std::exchange(processors_closed_, true)) return {};
  for (Processor* processor : processors_) {
    if (processor->closes()) without_record(processor->context(), task_.stream_time, [processor] { processor->close(); });
    if (!halt_.ok()) return halt_;
  }
  return {};
}

RecordContext Task::Impl::no_record(const ProcessorContext& context, Timestamp time) {
  RecordContext at;
  at.timestamp = time;
  at.partition = partition_;
  at.node = static_cast<std::int32_t>(ContextAccess::node(context));
  at.topic = &inputs_.front().tp.topic;
  at.task = &task_;
  return at;
}

template <class F> void Task::Impl::without_record(ProcessorContext& context, Timestamp time, F f) {
  RecordContext at = no_record(context, time);
  const RecordContext before = task_.context;
  try {
    const AtWork working{context, at, nullptr};
    Publish on_exception{at};
    f();
    on_exception.done();
  } catch (...) {
    decoding_ = task_.published_ = false;
    static_cast<void>(goes_on_after_exception());
    task_.context = before;
  }
}

void Task::Impl::fire(Time time, std::int64_t due_at, Timestamp now) {
  while (halt_.ok()) {
    const std::shared_ptr<Schedule> schedule = punctuations_.due(time, due_at);
    if (schedule == nullptr) break;
    without_record(*schedule->context, now, [&] { schedule->f(now); });
    runtime::Punctuations::fired(*schedule, due_at);
  }
}

void Task::Impl::punctuate_stream_time() {
  if (!halt_.ok() || waiting_ || !task_.stops()) return;
  fire(Time::stream, task_.stream_time.milliseconds(), task_.stream_time);
  task_.stop_at(Timestamp{punctuations_.next(Time::stream)});
}

Result<bool> Task::Impl::punctuate_wall_clock() {
  if (Status status = start_processors(); !status.ok()) return status;
  const std::int64_t now = env_->clock.steady_ms();
  if (punctuations_.next(Time::wall_clock) > now) return false;
  fire(Time::wall_clock, now, env_->clock.now());
  if (!halt_.ok()) return halt_;
  return true;
}

}  // namespace klamm::inline v0::detail
