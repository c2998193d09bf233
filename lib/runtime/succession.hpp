#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "log/log.hpp"

namespace klamm::inline v0::runtime {

/// Who has a partition next, and next after that, by their ids: fewer than asked for where there are not so many members.
using Successors = std::map<log::TopicPartition, std::vector<std::string>>;

/// Where each partition goes when its owner dies, as cooperative-sticky has it in librdkafka: what is orphaned goes, the last partition of
/// the last topic first, to the member that has the fewest, of these to the one whose id is the first as text; nothing else moves. With
/// `depth` 2 also where it goes when that one dies too, and so on.
///
/// The group is at rest and balanced, and all members are subscribed to the same topics. Where it is not so, or several die at a time, it
/// may decide otherwise.
Successors successors(const log::GroupDescription& group, int depth);

}  // namespace klamm::inline v0::runtime
