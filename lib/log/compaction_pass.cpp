#include "log/compaction_pass.hpp"

#include <algorithm>

namespace klamm::inline v0::log {
namespace {

// What the log thread deletes and writes in one go: a few milliseconds.
constexpr std::size_t slice_size = 4 * BatchBuilder::full_size;

}  // namespace

CompactionPass::CompactionPass(DirectoryCore& core, std::shared_ptr<PartitionLog> partition, const Upkeep& upkeep)
    : core_{core},
      partition_{std::move(partition)},
      upkeep_{upkeep},
      bounds_{partition_->bounds()},
      newest_{std::max<std::size_t>(1, core.options.compact_keys)},
      end_{bounds_.end} {}

void CompactionPass::run() {
  if (core_.stopping) return;
  Status status = note_newest();
  if (status.ok()) status = rewrite();
  finish(std::move(status));
}

Status CompactionPass::load(Offset position) {
  if (core_.stopping || partition_->removed()) return {Code::cancelled, "the log closes"};
  auto loaded = core_.reader.load(*partition_, position);
  if (!loaded.ok()) return loaded.status();
  batch_ = *std::move(loaded);
  messages_.clear();
  if (batch_ != nullptr && !batch_->decode(partition_->name().partition, messages_)) {
    return {Code::data_loss, "partition " + to_string(partition_->name()) + ": offset " + std::to_string(position) + ": damaged"};
  }
  return {};
}

Status CompactionPass::note_newest() {
  for (Offset at = std::max(upkeep_.clean, bounds_.begin); at < end_; at = batch_->next_offset()) {
    if (Status status = load(at); !status.ok()) return status;
    if (batch_ == nullptr) break;
    for (const auto& message : messages_) {
      if (message.offset < at || message.offset >= end_) continue;
      if (!newest_.add(message)) end_ = message.offset;
    }
  }
  return {};
}

Status CompactionPass::rewrite() {
  const Survival survival{newest_, bounds_.begin, upkeep_.clean, partition_->slowest_reader(upkeep_.seen)};
  for (Offset at = bounds_.begin; at < end_; at = batch_->next_offset()) {
    if (Status status = load(at); !status.ok()) return status;
    if (batch_ == nullptr || batch_->base_offset() >= end_) break;
    const auto survivors = std::count_if(messages_.begin(), messages_.end(), [&](const RawMessage& m) { return survival.keeps(m); });
    live_ += survivors;
    const bool good_as_it_is = survivors == std::ssize(messages_) && batch_->bytes().size() >= BatchBuilder::full_size / 2;
    if (good_as_it_is && rewriter_.empty()) continue;
    for (const auto& message : messages_) {
      if (survival.keeps(message)) rewriter_.add(message);
    }
    erased_.push_back(batch_->base_offset());
    dropped_ += std::ssize(messages_) - survivors;
    slice_bytes_ += batch_->bytes().size();
    if (slice_bytes_ >= slice_size) {
      if (Status status = apply(); !status.ok()) return status;
    }
  }
  return apply();
}

Status CompactionPass::apply() {
  if (erased_.empty()) return {};
  auto written = rewriter_.take();
  for (const auto& batch : written) batch->seal();
  const Offset last = batch_ == nullptr ? erased_.back() + 1 : batch_->next_offset();
  Status status = Call::run(
      *core_.writer,
      [&](LogFile& file) -> Call::Done {
        if (partition_->removed()) return {};
        for (const Offset base : erased_) {
          if (Status broken = file.erase(partition_->id(), base); !broken.ok()) return {std::move(broken), {}};
        }
        for (const auto& batch : written) {
          if (Status broken = file.insert(partition_->id(), *batch); !broken.ok()) return {std::move(broken), {}};
        }
        partition_->upkeep.records -= dropped_;
        return {file.save(*partition_, partition_->bounds().begin), {}};
      },
      [&] { partition_->evict(last); });
  erased_.clear();
  slice_bytes_ = 0;
  dropped_ = 0;
  return status;
}

void CompactionPass::finish(Status status) {
  if (status.code() == Code::cancelled) return;
  // An error ends this pass only: who reads the damaged batch is told, and the pass is tried again when more has come.
  (void)Call::run(
      *core_.writer,
      [&](LogFile& file) -> Call::Done {
        Upkeep& upkeep = partition_->upkeep;
        upkeep.compacting = false;
        if (partition_->removed()) return {};
        if (status.ok()) {
          upkeep.live = live_;
          upkeep.clean = std::max(upkeep.clean, end_);
        } else {
          upkeep.live = upkeep.records;
        }
        return {file.save(*partition_, partition_->bounds().begin), {}};
      },
      // A pass that had no room for all keys is followed by the next one.
      [&] { core_.compact_if_due(partition_); });
}

}  // namespace klamm::inline v0::log
