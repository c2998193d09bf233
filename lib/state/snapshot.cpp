#include "state/snapshot.hpp"

#include <algorithm>
#include <utility>

#include "state/key_hash.hpp"
#include "state/key_order.hpp"

namespace klamm::inline v0::state {
namespace {

// Each miss means that a whole checkpoint came to its end between two calls.
constexpr int most_tries = 20;
// A range is read once, in order: its pages are not wanted again.
constexpr std::size_t reader_bytes = std::size_t{16} << 20;

}  // namespace

Snapshot::Snapshot(std::vector<BatchPtr> batches, std::unique_ptr<TableFile> file) : file_{std::move(file)} {
  if (file_ != nullptr) layers_.push_back({nullptr, 0, {}});
  if (!batches.empty()) first_segment_ = batches.back()->first_segment;
  for (BatchPtr& batch : batches) {
    if (batch->records() != 0) layers_.push_back({std::move(batch), 0, {}});
  }
}

bool Snapshot::beyond(BytesView key) const { return range_.to && !key_less(key, *range_.to); }

Status Snapshot::seek(detail::KeyRange range) {
  range_ = std::move(range);
  heap_.clear();
  passed_.clear();
  if (file_ != nullptr) {
    if (Status status = file_->seek(range_.from); !status.ok()) return status;
  }
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    Layer& layer = layers_[i];
    if (layer.batch != nullptr) {
      const std::vector<std::uint32_t>& order = layer.batch->order();
      const auto first = std::partition_point(order.begin(), order.end(),
                                              [&](std::uint32_t at) { return key_less(layer.batch->change_at(at).key, range_.from); });
      layer.place = static_cast<std::size_t>(first - order.begin());
    }
    Result<bool> found = forward(layer);
    if (!found.ok()) return found.status();
    if (*found) push(i);
  }
  return {};
}

Result<bool> Snapshot::forward(Layer& layer) {
  if (layer.batch == nullptr) {
    Result<bool> found = file_->step(layer.change);
    if (!found.ok() || !*found) return found;
  } else {
    const std::vector<std::uint32_t>& order = layer.batch->order();
    if (layer.place == order.size()) return false;
    layer.change = layer.batch->change_at(order[layer.place++]);
  }
  return !beyond(layer.change.key);
}

// Of equal keys the newest layer comes first.
bool Snapshot::later(std::size_t a, std::size_t b) const {
  const BytesView key_a = layers_[a].change.key, key_b = layers_[b].change.key;
  return key_less(key_b, key_a) || (a < b && !key_less(key_a, key_b));
}

void Snapshot::push(std::size_t layer) {
  heap_.push_back(layer);
  std::push_heap(heap_.begin(), heap_.end(), [this](std::size_t a, std::size_t b) { return later(a, b); });
}

std::size_t Snapshot::pop() {
  std::pop_heap(heap_.begin(), heap_.end(), [this](std::size_t a, std::size_t b) { return later(a, b); });
  const std::size_t layer = heap_.back();
  heap_.pop_back();
  return layer;
}

Result<bool> Snapshot::next() {
  for (;;) {
    // Only now, because the file's row lives until its next step.
    for (const std::size_t layer : passed_) {
      Result<bool> found = forward(layers_[layer]);
      if (!found.ok()) return found;
      if (*found) push(layer);
    }
    passed_.clear();
    if (heap_.empty()) return false;
    passed_.push_back(pop());
    current_ = layers_[passed_.front()].change;
    while (!heap_.empty() && !key_less(current_.key, layers_[heap_.front()].change.key)) passed_.push_back(pop());
    if (first_segment_ != 0 && KeyOrder::segment_of(current_.key) < first_segment_) continue;
    if (!current_.tombstone()) return true;
  }
}

SnapshotReader::SnapshotReader(const StoreFile& file, std::shared_ptr<const Checkpointer> checkpointer)
    : file_{[&] {
        StoreFile own = file;
        own.memory_bytes = reader_bytes;
        return own;
      }()},
      checkpointer_{std::move(checkpointer)} {}

Result<std::unique_ptr<detail::StoreSnapshot>> SnapshotReader::snapshot() {
  for (int tries = 0; tries < most_tries; ++tries) {
    std::unique_ptr<TableFile> file;
    CommitNumber in_file = 0;
    if (checkpointer_->durable() != 0) {
      Result<std::unique_ptr<TableFile>> opened = TableFile::open(file_, TableFile::Access::read);
      if (!opened.ok()) return opened.status();
      file = std::move(*opened);
      Result<CommitNumber> begun = file->begin_read();
      if (!begun.ok()) return begun.status();
      in_file = *begun;
    }
    // The file first: what a checkpoint takes out of the list meanwhile would be in neither. What is in both is the same.
    Checkpointer::Layers layers = checkpointer_->layers();
    if (layers.durable <= in_file) return std::unique_ptr<detail::StoreSnapshot>{new Snapshot{std::move(layers.batches), std::move(file)}};
  }
  return Status{Code::unavailable, "store \"" + file_.store + "\": its checkpoints end faster than a read can begin: try again",
                file_.store};
}

}  // namespace klamm::inline v0::state
