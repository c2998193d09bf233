#pragma once

#include <memory>
#include <vector>

#include "klamm/detail/store_reader.hpp"
#include "state/checkpointer.hpp"
#include "state/commit_batch.hpp"
#include "state/table_file.hpp"

namespace klamm::inline v0::state {

/// Some batches over a file, merged: of each key the newest wins.
class Snapshot final : public detail::StoreSnapshot {
 public:
  /// `batches`: oldest first. `file`: in a read transaction that is not older than the commit below them; null where there is none.
  Snapshot(std::vector<BatchPtr> batches, std::unique_ptr<TableFile> file);

  Status seek(detail::KeyRange range) override;
  Result<bool> next() override;
  [[nodiscard]] BytesView key() const override { return current_.key; }
  [[nodiscard]] BytesView value() const override { return current_.value; }

 private:
  struct Layer {
    BatchPtr batch;  // null: the file, which is the oldest
    std::size_t place = 0;
    Change change;
  };

  Result<bool> forward(Layer& layer);
  [[nodiscard]] bool beyond(BytesView key) const;
  [[nodiscard]] bool later(std::size_t a, std::size_t b) const;
  void push(std::size_t layer);
  std::size_t pop();

  std::unique_ptr<TableFile> file_;
  std::vector<Layer> layers_;        // oldest first
  std::uint64_t first_segment_ = 0;  // of windows: what is in older ones has expired, though a file may have it still
  std::vector<std::size_t> heap_;
  std::vector<std::size_t> passed_;  // layers whose change was merged into the current row
  detail::KeyRange range_;
  Change current_;
};

/// Shared by a store and whoever queries it.
class SnapshotReader final : public detail::StoreReader {
 public:
  SnapshotReader(const StoreFile& file, std::shared_ptr<const Checkpointer> checkpointer);
  Result<std::unique_ptr<detail::StoreSnapshot>> snapshot() override;

 private:
  const StoreFile file_;
  const std::shared_ptr<const Checkpointer> checkpointer_;
};

}  // namespace klamm::inline v0::state
