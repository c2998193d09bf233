#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "klamm/detail/store_reader.hpp"
#include "runtime/engine.hpp"

namespace klamm::inline v0::runtime {

/// Asks the tasks that keep a store, from a thread that is none of theirs.
///
///     get ──▶ the owner's worker, between two records
///     snapshots ──▶ file and batches, on the caller's thread; only stores without a file ask the worker, for a copy
///
/// Made for one call; the engine must outlive it. What workers still have to answer when a call gives up does no harm.
class StoreQuery {
 public:
  StoreQuery(const Engine& engine, std::string store, Duration patience);

  /// The committed value, or nullopt. Asks the partition of the key's hash; where records may have been placed by others, the rest too.
  Result<std::optional<Bytes>> get(BytesView key);
  /// All partitions, each as of its last commit: `ranges` at least.
  Result<std::vector<std::unique_ptr<detail::StoreSnapshot>>> snapshots(const std::vector<detail::KeyRange>& ranges);

 private:
  using Question = std::function<void(Task::Impl&, std::size_t owner)>;

  /// Asks these owners' workers at once, follows tasks that move, and returns when all have answered.
  Status ask(const std::vector<TaskFigures>& owners, Question question);
  [[nodiscard]] Status late(int worker) const;
  /// Ok when the owner can be asked.
  [[nodiscard]] Status check(const Assignment::Owner& owner, std::size_t partition) const;
  Result<std::optional<Bytes>> get_from(const std::vector<TaskFigures>& owners, BytesView key);

  const Engine& engine_;
  const std::string store_;
  const Duration patience_;
};

/// Whether each key of the store is in the partition of its hash: all its records come through repartition topics of klamm's own.
bool placed_by_key(const detail::Graph& graph, const std::string& store);

}  // namespace klamm::inline v0::runtime
