#pragma once

#include <cstring>
#include <vector>

#include "klamm/record.hpp"
#include "log/log.hpp"

namespace klamm::inline v0::rdkafka {

/// Records for one partition that go to librdkafka one after the other: alternating between partitions costs two to three times as much.
class Run {
 public:
  static constexpr std::size_t full_records = 256, full_bytes = std::size_t{64} << 10;

  log::Producer::Topic topic = 0;
  log::Partition partition = 0;

  void add(BytesView key, BytesView value, Timestamp timestamp, BytesView headers) {
    records_.push_back({put(key), put(value), put(headers), timestamp.milliseconds()});
  }
  [[nodiscard]] bool empty() const { return records_.empty(); }
  [[nodiscard]] bool full() const { return records_.size() >= full_records || bytes_.size() >= full_bytes; }
  void clear() {
    records_.clear();
    bytes_.clear();
  }

  [[nodiscard]] std::size_t size() const { return records_.size(); }
  [[nodiscard]] RawMessage operator[](std::size_t i) const {
    const Record& record = records_[i];
    return {.key = get(record.key),
            .value = get(record.value),
            .timestamp = Timestamp{record.timestamp},
            .partition = partition,
            .headers = get(record.headers)};
  }

 private:
  static constexpr std::size_t null = SIZE_MAX;
  struct Piece {
    std::size_t begin, size;
  };
  struct Record {
    Piece key, value, headers;
    std::int64_t timestamp;
  };
  Piece put(BytesView bytes) {
    if (bytes.data() == nullptr) return {0, null};
    const Piece piece{bytes_.size(), bytes.size()};
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return piece;
  }
  [[nodiscard]] BytesView get(const Piece& piece) const {
    static constexpr std::byte none{};  // what is empty is not null
    if (piece.size == null) return {};
    return piece.size == 0 ? BytesView{&none, 0} : BytesView{bytes_.data() + piece.begin, piece.size};
  }

  std::vector<Record> records_;
  Bytes bytes_;
};

}  // namespace klamm::inline v0::rdkafka
