#pragma once

#include <memory>
#include <optional>

#include "klamm/record.hpp"
#include "klamm/status.hpp"

// Reading the rows of a store from threads that are not its owner's.

namespace klamm::inline v0::detail {

/// Serialised keys from `from` up to, but not including, `to`; without `to` up to the last.
struct KeyRange {
  Bytes from;
  std::optional<Bytes> to;
};

/// The rows of one store at one partition as of one commit. Whatever the store does next, this stays, and it may outlive the store. While
/// one lives the write-ahead log of the store's file grows. One thread at a time.
class StoreSnapshot {
 public:
  virtual ~StoreSnapshot() = default;
  /// Goes before the first row of the range.
  virtual Status seek(KeyRange range) = 0;
  /// Goes to the next row, in the order of the keys' bytes; false behind the last.
  virtual Result<bool> next() = 0;
  /// Of the row that `next` has found; valid until the next call. The value is never null.
  [[nodiscard]] virtual BytesView key() const = 0;
  [[nodiscard]] virtual BytesView value() const = 0;
};

/// Makes snapshots of an open store as of its last commit, without its owner: from its file, and from the batches of the commits that are
/// not in there yet. Any thread; may outlive the store.
class StoreReader {
 public:
  virtual ~StoreReader() = default;
  virtual Result<std::unique_ptr<StoreSnapshot>> snapshot() = 0;
};

}  // namespace klamm::inline v0::detail
