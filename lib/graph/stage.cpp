#include "klamm/detail/stage.hpp"

#include <algorithm>

#include "klamm/detail/ops/calls.hpp"

namespace klamm::detail {

void FanBase::add(Stage& stage) {
  if (stage.idle) return;
  ports_.push_back(&stage);
  only_ = ports_.size() == 1 ? &stage : nullptr;
}

bool FanBase::needs_old() const {
  return std::any_of(ports_.begin(), ports_.end(), [](const Stage* stage) { return stage->needs_old; });
}

void refuse_null_key(NodeId node, const RecordContext& context) { context.task->null_key(node, context); }

}  // namespace klamm::detail
