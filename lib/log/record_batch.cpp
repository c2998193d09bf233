#include "log/record_batch.hpp"

#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>

namespace klamm::inline v0::log {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is little endian, and so far so is the code");

constexpr std::uint8_t format_version = 1;
constexpr std::size_t checksum_at = 4, base_at = 8, count_at = 16, last_delta_at = 20, timestamp_at = 24;
constexpr std::size_t longest_prefix = 1 + 5 * 10;

enum Flag : std::uint8_t { has_skipped = 1, has_time = 2, has_key = 4, has_value = 8, has_headers = 16 };

template <class T> T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
template <class T> void store(std::byte* to, T value) { std::memcpy(to, &value, sizeof value); }

std::byte* put_varint(std::byte* to, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) *to++ = static_cast<std::byte>(value | 0x80);
  *to++ = static_cast<std::byte>(value);
  return to;
}

std::byte* put_bytes(std::byte* to, BytesView bytes) {
  if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
  return to + bytes.size();
}

constexpr std::uint64_t zigzag(std::uint64_t difference) { return (difference << 1) ^ (0 - (difference >> 63)); }
constexpr std::uint64_t unzigzag(std::uint64_t coded) { return (coded >> 1) ^ (0 - (coded & 1)); }

std::uint32_t checksum_of(BytesView batch) {
  const BytesView covered = batch.subspan(count_at);
  return static_cast<std::uint32_t>(::crc32_z(0, reinterpret_cast<const unsigned char*>(covered.data()), covered.size()));
}

// Reads numbers and bytes; once it has run over the end, everything it returns is empty.
struct Cursor {
  const std::byte* at;
  const std::byte* end;
  bool good = true;

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; at != end && shift < 64; shift += 7) {
      const auto byte = static_cast<std::uint64_t>(*at++);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    good = false;
    return 0;
  }
  BytesView bytes(std::uint64_t size) {
    if (size > static_cast<std::uint64_t>(end - at)) {
      good = false;
      return {};
    }
    const BytesView view{at, static_cast<std::size_t>(size)};
    at += size;
    return view;
  }
};

}  // namespace

std::shared_ptr<Batch> Batch::copy(BytesView bytes) {
  auto own = std::make_unique_for_overwrite<std::byte[]>(bytes.size());
  put_bytes(own.get(), bytes);
  return std::make_shared<Batch>(std::move(own), bytes.size());
}

Offset Batch::base_offset() const { return load<Offset>(bytes_.get() + base_at); }
Offset Batch::last_offset() const { return base_offset() + load<std::uint32_t>(bytes_.get() + last_delta_at); }
std::uint32_t Batch::count() const { return load<std::uint32_t>(bytes_.get() + count_at); }
void Batch::assign(Offset base) { store(bytes_.get() + base_at, base); }
void Batch::seal() { store(bytes_.get() + checksum_at, checksum_of(bytes())); }

Status Batch::check() const {
  if (size_ < header_size) return {Code::data_loss, "the batch is cut off"};
  if (const auto version = load<std::uint8_t>(bytes_.get()); version != format_version) {
    return {Code::data_loss, "the batch has format version " + std::to_string(version) + ", known is " + std::to_string(format_version)};
  }
  if (load<std::uint32_t>(bytes_.get() + checksum_at) != checksum_of(bytes())) return {Code::data_loss, "the batch's checksum is wrong"};
  return {};
}

bool Batch::decode(Partition partition, std::vector<RawMessage>& out) const {
  out.clear();
  if (size_ < header_size) return false;
  const std::uint32_t records = count();
  // A record takes a byte at least, so damage can't ask for more memory than this.
  if (records > size_) return false;
  out.reserve(records);
  auto offset = static_cast<std::uint64_t>(base_offset()) - 1;
  auto timestamp = load<std::uint64_t>(bytes_.get() + timestamp_at);
  Cursor cursor{bytes_.get() + header_size, bytes_.get() + size_};
  for (std::uint32_t i = 0; i < records; ++i) {
    if (cursor.at == cursor.end) return false;
    const auto flags = static_cast<std::uint8_t>(*cursor.at++);
    offset += 1 + ((flags & has_skipped) != 0 ? cursor.varint() : 0);
    if ((flags & has_time) != 0) timestamp += unzigzag(cursor.varint());
    const std::uint64_t key_size = (flags & has_key) != 0 ? cursor.varint() : 0;
    const std::uint64_t value_size = (flags & has_value) != 0 ? cursor.varint() : 0;
    const std::uint64_t headers_size = (flags & has_headers) != 0 ? cursor.varint() : 0;
    RawMessage& message = out.emplace_back();
    if ((flags & has_key) != 0) message.key = cursor.bytes(key_size);
    if ((flags & has_value) != 0) message.value = cursor.bytes(value_size);
    if ((flags & has_headers) != 0) message.headers = cursor.bytes(headers_size);
    message.timestamp = Timestamp{static_cast<std::int64_t>(timestamp)};
    message.offset = static_cast<Offset>(offset);
    message.partition = partition;
    if (!cursor.good) return false;
  }
  return cursor.at == cursor.end && (records == 0 || static_cast<Offset>(offset) == last_offset());
}

void BatchBuilder::append(const RawMessage& message) {
  if (empty()) next_ = message.offset;
  assert(message.offset >= next_);
  put(static_cast<std::uint64_t>(message.offset - next_), message.key, message.value, message.timestamp, message.headers);
}

void BatchBuilder::put(std::uint64_t skipped, BytesView key, BytesView value, Timestamp timestamp, BytesView headers) {
  const std::size_t room = longest_prefix + key.size() + value.size() + headers.size();
  if (capacity_ - std::min(capacity_, size_) < room) grow(room);
  if (count_ == 0) {
    base_ = next_;
    base_timestamp_ = last_timestamp_ = timestamp.milliseconds();
  }
  std::byte* const start = bytes_.get() + size_;
  std::byte* at = start + 1;
  std::uint8_t flags = 0;
  if (skipped != 0) {
    flags |= has_skipped;
    at = put_varint(at, skipped);
  }
  if (timestamp.milliseconds() != last_timestamp_) {
    flags |= has_time;
    at = put_varint(at, zigzag(static_cast<std::uint64_t>(timestamp.milliseconds()) - static_cast<std::uint64_t>(last_timestamp_)));
    last_timestamp_ = timestamp.milliseconds();
  }
  if (key.data() != nullptr) {
    flags |= has_key;
    at = put_varint(at, key.size());
  }
  if (value.data() != nullptr) {
    flags |= has_value;
    at = put_varint(at, value.size());
  }
  if (!headers.empty()) {
    flags |= has_headers;
    at = put_varint(at, headers.size());
  }
  at = put_bytes(put_bytes(put_bytes(at, key), value), headers);
  *start = static_cast<std::byte>(flags);
  size_ = static_cast<std::size_t>(at - bytes_.get());
  ++count_;
  next_ += static_cast<Offset>(skipped) + 1;
}

void BatchBuilder::grow(std::size_t room) {
  const std::size_t capacity = std::max({std::size_t{512}, 2 * capacity_, size_ + room});
  auto larger = std::make_unique_for_overwrite<std::byte[]>(capacity);
  if (count_ != 0) std::memcpy(larger.get(), bytes_.get(), size_);
  bytes_ = std::move(larger);
  capacity_ = capacity;
}

std::shared_ptr<Batch> BatchBuilder::take() {
  assert(!empty());
  std::byte* const header = bytes_.get();
  store(header, std::uint32_t{format_version});
  store(header + checksum_at, std::uint32_t{0});
  store(header + base_at, base_);
  store(header + count_at, count_);
  store(header + last_delta_at, static_cast<std::uint32_t>(next_ - 1 - base_));
  store(header + timestamp_at, base_timestamp_);
  std::shared_ptr<Batch> batch;
  // A batch may live long: it keeps the buffer only when it fills it.
  if (size_ < capacity_ / 4 * 3) {
    batch = Batch::copy({bytes_.get(), size_});
  } else {
    batch = std::make_shared<Batch>(std::move(bytes_), size_);
    capacity_ = 0;
  }
  clear();
  return batch;
}

void BatchBuilder::clear() {
  size_ = Batch::header_size;
  count_ = 0;
}

}  // namespace klamm::inline v0::log
