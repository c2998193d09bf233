#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "log/log.hpp"

// How records are laid out in memory and in a stored row. All numbers are little endian.
//
//     batch   := version:u8 (1)  zero:u8 zero:u8 zero:u8  checksum:u32  base_offset:i64  count:u32  last_delta:u32  base_timestamp:i64
//     record* record  := flags:u8  [skipped:varint]  [time:zigzag]  [key_size:varint]  [value_size:varint]  [headers_size:varint]  key
//     value  headers flags   := 1: skipped is there | 2: time is there | 4: there is a key | 8: there is a value | 16: there are headers
//
// `skipped` are the offsets between the record before (for the first: base_offset - 1) and this one: gaps that compaction left. `time` is
// the difference from the record before (for the first: from base_timestamp). A missing key or value is null. `last_delta` is the offset of
// the last record minus base_offset. `checksum` is the CRC-32 of all that stands behind base_offset, which is known only when the log takes
// the batch; in a file it is the row's key as well.

namespace klamm::inline v0::log {

/// A run of records of one partition in its serialised form. Written once, then only read, by any thread.
class Batch {
 public:
  static constexpr std::size_t header_size = 32;

  Batch(std::unique_ptr<std::byte[]> bytes, std::size_t size) : bytes_{std::move(bytes)}, size_{size} {}
  static std::shared_ptr<Batch> copy(BytesView bytes);

  [[nodiscard]] BytesView bytes() const { return {bytes_.get(), size_}; }
  [[nodiscard]] Offset base_offset() const;
  [[nodiscard]] Offset last_offset() const;
  [[nodiscard]] Offset next_offset() const { return last_offset() + 1; }
  [[nodiscard]] std::uint32_t count() const;

  /// Moves the batch to where the log puts it. Only before it is shared.
  void assign(Offset base);
  /// Writes the checksum: for batches that go into a file.
  void seal();
  /// Whether the header is whole and the checksum right: `data_loss` without a place, which the caller knows.
  [[nodiscard]] Status check() const;
  /// Replaces `out` by the records, which point into this batch; false when the bytes are no records.
  [[nodiscard]] bool decode(Partition partition, std::vector<RawMessage>& out) const;

 private:
  std::unique_ptr<std::byte[]> bytes_;
  std::size_t size_;
};

using BatchPtr = std::shared_ptr<const Batch>;

/// Gathers records into a batch. In steady state an append allocates nothing. Used by one thread at a time.
class BatchBuilder {
 public:
  /// From here a batch is full: readers decode a batch at a time, and a stored row should be neither tiny nor huge.
  static constexpr std::size_t full_size = 64 * 1024;

  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] bool full() const { return size_ >= full_size; }
  [[nodiscard]] std::uint32_t count() const { return count_; }
  /// Bytes gathered, the header included; 0 when empty.
  [[nodiscard]] std::size_t bytes() const { return empty() ? 0 : size_; }
  /// Behind the last record.
  [[nodiscard]] Offset next_offset() const { return next_; }

  /// The offset that the first record gets, unless it is assigned later. Only when empty.
  void start_at(Offset base) { next_ = base; }
  /// Copies the record; it gets the next offset.
  void append(BytesView key, BytesView value, Timestamp timestamp, BytesView headers) { put(0, key, value, timestamp, headers); }
  /// Copies the record with its offset, which must not be below `next_offset()`.
  void append(const RawMessage& message);
  /// Whether a record with this offset still fits the format of a batch.
  [[nodiscard]] bool reaches(Offset offset) const { return offset - base_ < std::numeric_limits<std::uint32_t>::max(); }
  /// The batch; the builder is empty then, and goes on behind it.
  std::shared_ptr<Batch> take();
  /// Drops what was gathered.
  void clear();

 private:
  void put(std::uint64_t skipped, BytesView key, BytesView value, Timestamp timestamp, BytesView headers);
  void grow(std::size_t room);

  std::unique_ptr<std::byte[]> bytes_;
  std::size_t size_ = Batch::header_size;
  std::size_t capacity_ = 0;
  std::uint32_t count_ = 0;
  Offset base_ = 0;
  Offset next_ = 0;
  std::int64_t base_timestamp_ = 0;
  std::int64_t last_timestamp_ = 0;
};

}  // namespace klamm::inline v0::log
