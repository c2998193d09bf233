#pragma once

#include <map>
#include <shared_mutex>

#include "log/partition_log.hpp"

namespace klamm::inline v0::log {

/// The topics of a log. Any thread; changed by one at a time.
class Topics {
 public:
  struct Topic {
    TopicState state;
    std::vector<std::shared_ptr<PartitionLog>> partitions;
  };

  [[nodiscard]] std::optional<Topic> find(const std::string& name) const;
  /// `not_found` when the topic or the partition does not exist.
  [[nodiscard]] Result<Topic> get(const std::string& name) const;
  [[nodiscard]] Result<std::shared_ptr<PartitionLog>> get(const TopicPartition& tp) const;
  /// Those of `asked` that are missing; `failed_precondition` when one exists otherwise, `invalid_argument` when one can't be.
  [[nodiscard]] Result<std::vector<TopicState>> missing(std::span<const TopicState> asked) const;
  /// All partitions, in the order of names.
  [[nodiscard]] std::vector<std::shared_ptr<PartitionLog>> partitions() const;

  void add(Topic topic);
  void remove(const std::string& name);

 private:
  mutable std::shared_mutex mutex_;
  std::map<std::string, Topic> topics_;
};

/// The groups of a log that one process has for itself: each has at most one member, which gets every partition. Any thread.
class Groups {
 public:
  /// `failed_precondition` when the group has a member. `left` is called when it has left.
  Result<std::unique_ptr<Member>> join(const Topics& topics, const std::string& group, const std::vector<std::string>& names,
                                       GroupListener& listener, std::function<void()> left);
  /// Whether some group's member reads the topic.
  [[nodiscard]] bool reads(const std::string& topic) const;

 private:
  class SoleMember;
  mutable std::mutex mutex_;
  std::map<std::string, std::vector<std::string>> members_;  // a group's topics
};

}  // namespace klamm::inline v0::log
