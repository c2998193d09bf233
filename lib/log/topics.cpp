#include "log/topics.hpp"

#include <algorithm>
#include <utility>

namespace klamm::inline v0::log {
namespace {

const char* name_of(Cleanup cleanup) { return compacts(cleanup) ? "compact" : "keep"; }

Status check(const TopicState& asked) {
  const std::string about = "topic \"" + asked.name + "\": ";
  if (asked.name.empty()) return {Code::invalid_argument, about + "has no name"};
  if (asked.partitions < 1) {
    return {Code::invalid_argument, about + "can't have " + std::to_string(asked.partitions) + " partitions: ask for at least one",
            asked.name};
  }
  return {};
}

Status compare(const TopicState& asked, const TopicState& found) {
  const std::string about = "topic \"" + asked.name + "\": ";
  if (asked.partitions != found.partitions) {
    return {Code::failed_precondition,
            about + "has " + std::to_string(found.partitions) + " partitions, not " + std::to_string(asked.partitions) + ": ask for " +
                std::to_string(found.partitions) + ", or reset the application",
            asked.name};
  }
  if (compacts(asked.cleanup) != compacts(found.cleanup)) {  // purged are all of them alike
    return {Code::failed_precondition,
            about + "has cleanup \"" + name_of(found.cleanup) + "\", not \"" + name_of(asked.cleanup) + "\": reset the application",
            asked.name};
  }
  return {};
}

}  // namespace

std::optional<Topics::Topic> Topics::find(const std::string& name) const {
  const std::shared_lock lock{mutex_};
  const auto found = topics_.find(name);
  if (found == topics_.end()) return {};
  return found->second;
}

Result<Topics::Topic> Topics::get(const std::string& name) const {
  auto found = find(name);
  if (!found) return Status{Code::not_found, "topic \"" + name + "\": does not exist", name};
  return *std::move(found);
}

Result<std::shared_ptr<PartitionLog>> Topics::get(const TopicPartition& tp) const {
  auto found = get(tp.topic);
  if (!found.ok()) return found.status();
  if (tp.partition < 0 || tp.partition >= found->state.partitions) {
    return Status{Code::not_found,
                  "topic \"" + tp.topic + "\": has partitions 0 to " + std::to_string(found->state.partitions - 1) + ", no partition " +
                      std::to_string(tp.partition),
                  tp.topic};
  }
  return found->partitions[static_cast<std::size_t>(tp.partition)];
}

Result<std::vector<TopicState>> Topics::missing(std::span<const TopicState> asked) const {
  std::vector<TopicState> result;
  for (const auto& topic : asked) {
    if (Status status = check(topic); !status.ok()) return status;
    if (const auto found = find(topic.name)) {
      if (Status status = compare(topic, found->state); !status.ok()) return status;
      continue;
    }
    const auto twice = std::find_if(result.begin(), result.end(), [&](const TopicState& other) { return other.name == topic.name; });
    if (twice == result.end()) {
      result.push_back(topic);
    } else if (Status status = compare(topic, *twice); !status.ok()) {
      return status;
    }
  }
  return result;
}

std::vector<std::shared_ptr<PartitionLog>> Topics::partitions() const {
  const std::shared_lock lock{mutex_};
  std::vector<std::shared_ptr<PartitionLog>> all;
  for (const auto& [name, topic] : topics_) all.insert(all.end(), topic.partitions.begin(), topic.partitions.end());
  return all;
}

void Topics::add(Topic topic) {
  const std::unique_lock lock{mutex_};
  std::string name = topic.state.name;
  topics_.insert_or_assign(std::move(name), std::move(topic));
}

void Topics::remove(const std::string& name) {
  const std::unique_lock lock{mutex_};
  const auto found = topics_.find(name);
  if (found == topics_.end()) return;
  for (const auto& partition : found->second.partitions) partition->remove();
  topics_.erase(found);
}

class Groups::SoleMember final : public Member {
 public:
  SoleMember(Groups& groups, std::string group, std::vector<TopicPartition> partitions, GroupListener& listener, std::function<void()> left)
      : groups_{groups}, group_{std::move(group)}, partitions_{std::move(partitions)}, listener_{listener}, left_{std::move(left)} {}
  ~SoleMember() override {
    {
      const std::lock_guard lock{groups_.mutex_};
      groups_.members_.erase(group_);
    }
    if (left_) left_();
  }

  Status poll() override {
    if (!std::exchange(assigned_, true)) listener_.assigned(partitions_);
    return {};
  }

 private:
  Groups& groups_;
  const std::string group_;
  const std::vector<TopicPartition> partitions_;
  GroupListener& listener_;
  const std::function<void()> left_;
  bool assigned_ = false;
};

Result<std::unique_ptr<Member>> Groups::join(const Topics& topics, const std::string& group, const std::vector<std::string>& names,
                                             GroupListener& listener, std::function<void()> left) {
  std::vector<TopicPartition> partitions;
  for (const auto& name : names) {
    auto topic = topics.get(name);
    if (!topic.ok()) return topic.status();
    for (Partition p = 0; p < topic->state.partitions; ++p) partitions.push_back({name, p});
  }
  const std::lock_guard lock{mutex_};
  if (!members_.emplace(group, names).second) {
    return Status{Code::failed_precondition, "group \"" + group + "\": has a member already: run one application per process and log",
                  group};
  }
  return std::unique_ptr<Member>{std::make_unique<SoleMember>(*this, group, std::move(partitions), listener, std::move(left))};
}

bool Groups::reads(const std::string& topic) const {
  const std::lock_guard lock{mutex_};
  return std::any_of(members_.begin(), members_.end(), [&](const auto& member) {
    return std::find(member.second.begin(), member.second.end(), topic) != member.second.end();
  });
}

}  // namespace klamm::inline v0::log
