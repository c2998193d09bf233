#include "log/log.hpp"

namespace klamm::inline v0::log {

std::string to_string(const TopicPartition& tp) { return tp.topic + '-' + std::to_string(tp.partition); }

}  // namespace klamm::inline v0::log
