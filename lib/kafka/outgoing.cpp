#include "kafka/outgoing.hpp"

#include <array>

namespace klamm::inline v0::rdkafka {
namespace {

rd_kafka_headers_t* to_rdkafka(BytesView bytes) {
  rd_kafka_headers_t* result = rd_kafka_headers_new(4);
  Headers headers{bytes};
  for (Header header; headers.next(header);) {
    static_cast<void>(rd_kafka_header_add(result, header.key.data(), static_cast<ssize_t>(header.key.size()), header.value.data(),
                                          static_cast<ssize_t>(header.value.size())));
  }
  return result;
}

rd_kafka_vu_t with(rd_kafka_vtype_t type) {
  rd_kafka_vu_t value{};
  value.vtype = type;
  return value;
}

// An empty value is not null, and needs a pointer to say so.
rd_kafka_vu_t with(rd_kafka_vtype_t type, BytesView bytes) {
  rd_kafka_vu_t value = with(type);
  value.u.mem.ptr = const_cast<std::byte*>(bytes.data());
  value.u.mem.size = bytes.size();
  return value;
}

}  // namespace

Failure produce(rd_kafka_t* handle, rd_kafka_topic_t* topic, std::int32_t partition, BytesView key, BytesView value, std::int64_t timestamp,
                BytesView headers, void* opaque) {
  std::array<rd_kafka_vu_t, 8> values;
  std::size_t count = 0;
  values[count] = with(RD_KAFKA_VTYPE_RKT), values[count++].u.rkt = topic;
  values[count] = with(RD_KAFKA_VTYPE_PARTITION), values[count++].u.i32 = partition;
  values[count] = with(RD_KAFKA_VTYPE_MSGFLAGS), values[count++].u.i = RD_KAFKA_MSG_F_COPY;
  values[count++] = with(RD_KAFKA_VTYPE_KEY, key);
  values[count++] = with(RD_KAFKA_VTYPE_VALUE, value);
  values[count] = with(RD_KAFKA_VTYPE_TIMESTAMP), values[count++].u.i64 = timestamp == 0 ? 1 : timestamp;
  values[count] = with(RD_KAFKA_VTYPE_OPAQUE), values[count++].u.ptr = opaque;
  rd_kafka_headers_t* own = nullptr;
  if (!headers.empty()) {
    own = to_rdkafka(headers);
    values[count] = with(RD_KAFKA_VTYPE_HEADERS), values[count++].u.headers = own;
  }
  Failure failure = failure_of(rd_kafka_produceva(handle, values.data(), count));
  if (!failure.ok() && own != nullptr) rd_kafka_headers_destroy(own);  // taken over only when produced
  return failure;
}

}  // namespace klamm::inline v0::rdkafka
