#include "klamm/detail/stage.hpp"

#include <algorithm>

#include "klamm/detail/ops/calls.hpp"
#include "klamm/detail/ops/try_map.hpp"
#include "klamm/detail/ops/with_timestamp.hpp"
#include "klamm/topic.hpp"

namespace klamm::inline v0::detail {

std::unique_ptr<Stage> Stage::clone(Task& task) const {
  std::unique_ptr<Stage> stage(copy());
  stage->bind(task);
  return stage;
}

void FanBase::add(Stage& stage) {
  if (stage.idle) return;
  ports_.push_back(&stage);
  only_ = ports_.size() == 1 ? &stage : nullptr;
}

bool FanBase::needs_old() const {
  return std::any_of(ports_.begin(), ports_.end(), [](const Stage* stage) { return stage->needs_old; });
}

Writer* writer_of(Task& task, NodeId sink, const TopicInfo* topic) {
  Writer* const writer = task.writer(sink);
  writer->key.reserve(64);  // so that no bytes are not null
  writer->value.reserve(64);
  if (topic != nullptr) {
    writer->keys = topic->key_codec;
    writer->values = topic->value_codec;
    writer->partitioner = topic->partitioner;
    writer->plain = writer->keys.empty() && writer->values.empty() && writer->partitioner.empty();
  }
  return writer;
}

void Publish::leave() {
  context_.task->context = context_;
  context_.task->published_ = true;
}

void drop_negative_time(NodeId node, const RecordContext& context) { context.task->dropped(node, context, Drop::negative_timestamp); }

void refuse_result(NodeId node, const RecordContext& context, const Status& status) { context.task->refused(node, context, status); }

void refuse_null_key(NodeId node, const RecordContext& context) { context.task->null_key(node, context); }

}  // namespace klamm::inline v0::detail
