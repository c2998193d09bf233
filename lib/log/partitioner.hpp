#pragma once

#include "klamm/api.hpp"
#include "log/log.hpp"

namespace klamm::inline v0::log {

/// Kafka's 32-bit murmur2, as `org.apache.kafka.common.utils.Utils.murmur2`: what Java's producer hashes keys with.
KLAMM_TESTING_API std::int32_t murmur2(BytesView bytes);

/// The partition that Java's default partitioner chooses for a key that is not null.
inline Partition partition_of(BytesView key, Partition count) { return (murmur2(key) & 0x7fff'ffff) % count; }

}  // namespace klamm::inline v0::log
