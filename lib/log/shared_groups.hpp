#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "log/topics.hpp"
#include "ports/clock.hpp"

namespace klamm::inline v0::log {

/// Consumer groups with many members, as a broker keeps them: partitions move one by one and as few as possible (cooperative-sticky, whose
/// order is kept too: the last partition goes to the member that has the fewest, of these to the one whose id is the first), a member that
/// does not poll for a session's time is out, and what it still commits is refused. Nothing is random, and time is the clock's.
/// Owned by a log in memory; any thread.
class SharedGroups {
 public:
  using Client = int;  ///< a process, as far as the log can tell

  SharedGroups(const Topics& topics, ports::Clock& clock, Duration session) : topics_{topics}, clock_{clock}, session_{session} {}

  Result<std::unique_ptr<Member>> join(Client client, const std::string& group, const std::vector<std::string>& names,
                                       GroupListener& listener);
  /// As `client` sees them.
  GroupDescription describe(Client client, const std::string& group);
  /// `aborted` when the client's member is out, or does not have one of the partitions.
  Status may_commit(Client client, const std::string& group, std::span<const OffsetCommit> offsets);

 private:
  using Partitions = std::set<TopicPartition>;
  struct State {
    int id = 0;
    Client client = 0;
    std::vector<std::string> topics;
    Partitions owned;   // as far as the member knows
    Partitions target;  // what it shall have in the end
    std::int64_t polled_ms = 0;
    bool out = false;   // its session is over, and it does not know
    bool told = false;  // has had its first assignment
  };
  using Group = std::map<int, std::shared_ptr<State>>;
  class MemberOf;

  void expire(Group& group);
  void rebalance(Group& group);
  [[nodiscard]] Partitions all_of(const Group& group) const;
  void leave(const std::string& group, int id);
  Status poll(const std::string& group, State& state, GroupListener& listener);

  const Topics& topics_;
  ports::Clock& clock_;
  const Duration session_;
  std::mutex mutex_;
  std::map<std::string, Group> groups_;
  int next_id_ = 0;
};

}  // namespace klamm::inline v0::log
