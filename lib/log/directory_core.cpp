#include "log/directory_core.hpp"

#include "log/compaction_pass.hpp"

namespace klamm::inline v0::log {
namespace {

// In pages of 8 KiB. From the first on a checkpoint runs beside the commits; where they outrun it, from the second on they wait for one.
constexpr int checkpoint_pages = 1'000, longest_wal_pages = 8'000;

}  // namespace

void RecentBatches::publish(std::span<const PartitionWrites> writes) {
  for (const auto& [topic, partition, batches] : writes) {
    partition->publish(batches);
    for (const auto& batch : batches) {
      entries_.push_back({partition, batch->next_offset(), batch->bytes().size()});
      bytes_ += entries_.back().bytes;
    }
  }
  while (bytes_ > most_bytes_) {
    const Entry& oldest = entries_.front();
    if (const auto partition = oldest.partition.lock()) partition->evict(oldest.next_offset);
    bytes_ -= oldest.bytes;
    entries_.pop_front();
  }
}

Call::Done DirectoryCore::write(LogFile& to, std::span<PartitionWrites> writes) {
  for (const auto& write : writes) {
    const std::string& name = write.partition->name().topic;
    if (write.partition->removed()) return {{}, {Code::not_found, "topic \"" + name + "\": was removed", name}};
  }
  for (auto& [topic, partition, batches] : writes) {
    Upkeep& upkeep = partition->upkeep;
    for (const auto& batch : batches) {
      batch->assign(upkeep.assigned);
      upkeep.assigned = batch->next_offset();
      upkeep.records += batch->count();
      if (Status status = to.insert(partition->id(), *batch); !status.ok()) return {std::move(status), {}};
    }
    if (Status status = to.save(*partition, partition->bounds().begin); !status.ok()) return {std::move(status), {}};
  }
  return {};
}

void DirectoryCore::publish(std::span<const PartitionWrites> writes) {
  recent.publish(writes);
  for (const auto& write : writes) {
    write.partition->wake_readers();
    compact_if_due(write.partition);
  }
}

void DirectoryCore::compact_if_due(const std::shared_ptr<PartitionLog>& partition) {
  Upkeep& upkeep = partition->upkeep;
  if (!compacts(partition->cleanup()) || upkeep.compacting || !upkeep.due(options.compact_at_least) || stopping) return;
  upkeep.compacting = true;
  background->post([this, partition, copy = upkeep] { CompactionPass{*this, partition, copy}.run(); });
}

void DirectoryCore::checkpoint() {
  // A failure leaves all in the write-ahead log: the log thread meets it too, and says so.
  (void)reader.checkpoint();
  checkpointing = false;
}

void DirectoryCore::committed(int wal_pages) {
  if (wal_pages < checkpoint_pages || stopping) return;
  if (wal_pages >= longest_wal_pages) {
    (void)file.checkpoint();
  } else if (!checkpointing.exchange(true)) {
    background->post([this] { checkpoint(); });
  }
}

}  // namespace klamm::inline v0::log
