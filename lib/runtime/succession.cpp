#include "runtime/succession.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace klamm::inline v0::runtime {
namespace {

/// A partition by the rank of its topic: in the order in which the group hands them out, from the last to the first.
using Ranked = std::pair<std::size_t, log::Partition>;
using Assignment = std::map<std::string, std::set<Ranked>>;  // by the member's id
using Heirs = std::map<Ranked, std::vector<std::string>>;

/// The member's partitions go to the others: to whom, each of them.
std::map<Ranked, std::string> bury(Assignment& assignment, const std::string& dead) {
  std::map<Ranked, std::string> heirs;
  const auto orphans = std::move(assignment.extract(dead).mapped());
  if (assignment.empty()) return heirs;
  std::set<std::pair<std::size_t, std::string>> by_count;
  for (const auto& [id, partitions] : assignment) by_count.emplace(partitions.size(), id);
  for (auto orphan = orphans.rbegin(); orphan != orphans.rend(); ++orphan) {
    auto fewest = by_count.extract(by_count.begin());
    assignment[fewest.value().second].insert(*orphan);
    heirs[*orphan] = fewest.value().second;
    ++fewest.value().first;
    by_count.insert(std::move(fewest));
  }
  return heirs;
}

/// Adds who follows `owner` at its partitions of `wanted`, `depth` times.
void follow(Assignment assignment, const std::string& owner, const std::set<Ranked>& wanted, int depth, Heirs& found) {
  const auto heirs = bury(assignment, owner);
  std::map<std::string, std::set<Ranked>> next;
  for (const Ranked& partition : wanted) {
    const auto heir = heirs.find(partition);
    if (heir == heirs.end()) continue;
    found[partition].push_back(heir->second);
    next[heir->second].insert(partition);
  }
  if (depth <= 1) return;
  for (const auto& [heir, partitions] : next) follow(assignment, heir, partitions, depth - 1, found);
}

}  // namespace

Successors successors(const log::GroupDescription& group, int depth) {
  std::vector<std::string> topics = group.topics;
  std::set<std::string> others;
  for (const log::GroupMember& member : group.members) {
    for (const log::TopicPartition& tp : member.partitions) others.insert(tp.topic);
  }
  for (const std::string& topic : topics) others.erase(topic);
  topics.insert(topics.end(), others.begin(), others.end());

  Assignment assignment;
  for (const log::GroupMember& member : group.members) {
    auto& partitions = assignment[member.id];
    for (const log::TopicPartition& tp : member.partitions)
      partitions.emplace(std::find(topics.begin(), topics.end(), tp.topic) - topics.begin(), tp.partition);
  }
  Heirs heirs;
  if (depth > 0) {
    for (const auto& [owner, partitions] : assignment) follow(assignment, owner, partitions, depth, heirs);
  }
  Successors found;
  for (auto& [partition, ids] : heirs) found[{topics[partition.first], partition.second}] = std::move(ids);
  return found;
}

}  // namespace klamm::inline v0::runtime
