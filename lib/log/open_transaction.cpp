#include "log/open_transaction.hpp"

#include <utility>

namespace klamm::inline v0::log {

std::vector<Producer::Prepared::End> ends_of(std::span<const PartitionWrites> writes) {
  std::vector<Producer::Prepared::End> ends;
  ends.reserve(writes.size());
  for (const auto& write : writes) {
    Offset end = write.partition->bounds().end;
    for (const auto& batch : write.batches) end += batch->count();
    ends.push_back({write.topic, write.partition->name().partition, end});
  }
  return ends;
}

int OpenTransaction::add(std::span<const std::shared_ptr<PartitionLog>> partitions) {
  std::vector<Slot> slots(partitions.size());
  for (std::size_t i = 0; i < slots.size(); ++i) {
    slots[i].topic = static_cast<int>(topics_.size());
    slots[i].partition = partitions[i];
  }
  topics_.push_back(std::move(slots));
  return static_cast<int>(topics_.size()) - 1;
}

bool OpenTransaction::has(int topic, Partition partition) const {
  return topic >= 0 && static_cast<std::size_t>(topic) < topics_.size() && partition >= 0 &&
         static_cast<std::size_t>(partition) < topics_[static_cast<std::size_t>(topic)].size();
}

void OpenTransaction::open(Slot& slot) {
  if (std::exchange(slot.touched, true)) return;
  touched_.push_back(&slot);
}

void OpenTransaction::close(Slot& slot) {
  auto batch = slot.builder.take();
  if (checksums_ == Checksums::yes) batch->seal();
  slot.full.push_back(std::move(batch));
}

std::vector<PartitionWrites> OpenTransaction::take() {
  std::vector<PartitionWrites> writes;
  writes.reserve(touched_.size());
  for (Slot* slot : touched_) {
    if (!slot->builder.empty()) close(*slot);
    slot->touched = false;
    writes.push_back({slot->topic, slot->partition, std::exchange(slot->full, {})});
  }
  touched_.clear();
  bytes_ = 0;
  return writes;
}

void OpenTransaction::clear() {
  for (Slot* slot : touched_) {
    slot->builder.clear();
    slot->full.clear();
    slot->touched = false;
  }
  touched_.clear();
  bytes_ = 0;
}

}  // namespace klamm::inline v0::log
