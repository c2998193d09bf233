#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "klamm/detail/rows.hpp"

namespace klamm::inline v0::state {

using detail::CommitNumber;

/// A changed key as it goes to the changelog and to the file; a value with `data() == nullptr` is a tombstone.
struct Change {
  BytesView key;
  BytesView value;
  Timestamp timestamp;

  [[nodiscard]] bool tombstone() const { return value.data() == nullptr; }
};

/// The serialised changes of one commit, in one buffer:
///
///     batch  := record*
///     record := key_size:u32  value_size:u32 (0xffffffff: tombstone)  timestamp:i64  key  value      (in the machine's byte order: in
///     memory only)
///
/// Filled on the task's thread while a commit is drained; immutable and shared from `settle` on: the changelog's sender,
/// the checkpoint and queries on other threads read the same bytes. A key is serialised once per commit.
class CommitBatch {
 public:
  explicit CommitBatch(std::size_t expected_bytes = 0) { data_.reserve(expected_bytes); }

  /// Appends a record; `write(Bytes&)` appends the value's bytes and returns null, or why it can't: then nothing is appended.
  template <class Write> const char* append(BytesView key, Timestamp timestamp, Write write) {
    const std::size_t start = data_.size();
    put_header(key, 0, timestamp);
    if (const char* reason = write(data_); reason != nullptr) {
      data_.resize(start), --records_;
      return reason;
    }
    const auto value_size = static_cast<std::uint32_t>(data_.size() - start - header_bytes - key.size());
    std::memcpy(data_.data() + start + 4, &value_size, 4);
    return nullptr;
  }
  void append_tombstone(BytesView key, Timestamp timestamp) { put_header(key, tombstone, timestamp); }
  void append(const Change& change);

  void clear() { data_.clear(), records_ = 0; }
  [[nodiscard]] std::size_t records() const { return records_; }
  /// Also the position behind the last record.
  [[nodiscard]] std::size_t bytes() const { return data_.size(); }
  /// The record at a position; its views are valid until the next append.
  [[nodiscard]] Change change_at(std::size_t at) const {
    Header header;
    std::memcpy(&header, data_.data() + at, sizeof header);
    const std::byte* key = data_.data() + at + header_bytes;
    Change change{{key, header.key_size}, {}, Timestamp{header.timestamp}};
    if (header.value_size != tombstone) change.value = {key + header.key_size, header.value_size};
    return change;
  }
  /// Position of the record behind the one at `at`.
  [[nodiscard]] std::size_t next(std::size_t at) const {
    const Change change = change_at(at);
    return at + header_bytes + change.key.size() + change.value.size();
  }

  /// Where the newest record of each key is, in the order of the keys. Sorted by the first that asks, on its own thread, and kept; for any
  /// thread once the batch is filled.
  [[nodiscard]] const std::vector<std::uint32_t>& order() const;

  /// Bytes that a change takes in a batch.
  static std::size_t bytes_of(const Change& change) { return header_bytes + change.key.size() + change.value.size(); }
  /// No batch is to grow above this: positions inside have 32 bits.
  static constexpr std::size_t most_bytes = std::size_t{1} << 30;

  CommitNumber number = 0;          ///< the commit these changes belong to (the last one, when folded)
  CommitNumber first = 0;           ///< the first commit inside, when several were folded into one
  std::int64_t position = 0;        ///< the changelog's end as of this commit
  std::string mark;                 ///< the commit mark, stored with the state
  std::uint64_t first_segment = 0;  ///< of an ordered store: rows of segments before it have expired

 private:
  struct Header {
    std::uint32_t key_size, value_size;
    std::int64_t timestamp;
  };
  static constexpr std::uint32_t tombstone = 0xffff'ffff;
  static constexpr std::size_t header_bytes = 16;
  static_assert(sizeof(Header) == header_bytes);

  void put_header(BytesView key, std::uint32_t value_size, Timestamp timestamp) {
    const Header header{static_cast<std::uint32_t>(key.size()), value_size, timestamp.milliseconds()};
    const std::size_t start = data_.size();
    data_.resize(start + header_bytes + key.size()), ++records_;
    std::memcpy(data_.data() + start, &header, sizeof header);
    if (!key.empty()) std::memcpy(data_.data() + start + header_bytes, key.data(), key.size());
  }

  Bytes data_;
  std::size_t records_ = 0;
  mutable std::once_flag sorted_;
  mutable std::vector<std::uint32_t> order_;
};

using BatchPtr = std::shared_ptr<const CommitBatch>;

/// A record of some batches on its way into their order. Eight bytes of the key behind what all keys share decide nearly every comparison
/// without a miss.
struct SortItem {
  std::uint64_t prefix;
  std::uint32_t batch;
  std::uint32_t at;
};

/// The newest change of each key in some batches, in the order of the keys; 16 bytes for each change that is in them.
class SortedChanges {
 public:
  /// `batches`: oldest first.
  explicit SortedChanges(std::vector<BatchPtr> batches);

  [[nodiscard]] std::size_t size() const { return items_.size(); }
  /// Its views are valid while this lives.
  [[nodiscard]] Change operator[](std::size_t i) const { return change(items_[i]); }
  /// Bytes that they take in a batch.
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] std::span<const BatchPtr> batches() const { return batches_; }

 private:
  [[nodiscard]] Change change(const SortItem& item) const { return batches_[item.batch]->change_at(item.at); }

  std::vector<BatchPtr> batches_;
  std::vector<SortItem> items_;
  std::size_t bytes_ = 0;
};

/// The same as batches of one commit: what several commits changed, each key once.
std::vector<BatchPtr> fold(const SortedChanges& changes);

}  // namespace klamm::inline v0::state
