#pragma once

#include <absl/container/flat_hash_map.h>

#include <vector>

#include "log/record_batch.hpp"

namespace klamm::inline v0::log {

/// The offset of each key's newest record in a stretch of the log. Keys are kept as fingerprints of 128 bits under random seeds, so that
/// memory is bounded by their number and no input can make two of them collide on purpose. Used by one thread.
class NewestOffsets {
 public:
  explicit NewestOffsets(std::size_t most_keys);

  /// Takes note of a record, in the order of offsets; false when there is no room for its key.
  bool add(const RawMessage& message);
  /// Whether a newer record of the same key is known. Records without a key are never superseded.
  [[nodiscard]] bool superseded(const RawMessage& message) const;
  [[nodiscard]] std::size_t keys() const { return newest_.size(); }

 private:
  struct Fingerprint {
    std::uint64_t high, low;
    friend bool operator==(const Fingerprint&, const Fingerprint&) = default;
    template <class H> friend H AbslHashValue(H state, const Fingerprint& f) { return H::combine(std::move(state), f.low); }
  };
  [[nodiscard]] Fingerprint fingerprint(BytesView key) const;

  std::size_t most_keys_;
  std::uint64_t seeds_[2];
  absl::flat_hash_map<Fingerprint, Offset> newest_;
};

/// Which records stay.
///
/// A tombstone goes one pass later than what it deletes: only where an earlier pass has left each key once (`clean`), so that whoever
/// starts to read meets either both or none, and only below what readers that resume from their own state have seen (`seen`).
struct Survival {
  const NewestOffsets& newest;
  Offset begin = 0;  ///< what lies below is purged
  Offset clean = 0;
  Offset seen = 0;

  [[nodiscard]] bool keeps(const RawMessage& message) const {
    if (message.offset < begin || newest.superseded(message)) return false;
    const bool tombstone = message.value.data() == nullptr && message.key.data() != nullptr;
    return !(tombstone && message.offset < clean && message.offset < seen);
  }
};

/// Gathers survivors into batches of the usual size.
class Rewriter {
 public:
  void add(const RawMessage& message);
  /// What was gathered; empty then.
  std::vector<std::shared_ptr<Batch>> take();
  [[nodiscard]] bool empty() const { return builder_.empty() && full_.empty(); }

 private:
  BatchBuilder builder_;
  std::vector<std::shared_ptr<Batch>> full_;
};

}  // namespace klamm::inline v0::log
