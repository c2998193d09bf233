#pragma once

#include "kafka/errors.hpp"
#include "klamm/record.hpp"

namespace klamm::inline v0::rdkafka {

/// Hands a record to librdkafka, which copies it. Kafka's clients take timestamp 0 for "now", so 0 becomes 1 ms after 1970.
/// `opaque` comes back with the delivery report.
Failure produce(rd_kafka_t* handle, rd_kafka_topic_t* topic, std::int32_t partition, BytesView key, BytesView value, std::int64_t timestamp,
                BytesView headers, void* opaque);

/// What a record needs in a batch beside its key, value and headers, at most.
constexpr std::size_t record_overhead = 70;

}  // namespace klamm::inline v0::rdkafka
