#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "kafka/admin.hpp"

namespace klamm::inline v0::rdkafka {

/// Ends transactions that processes have left open when they died: until then nobody can read what they have committed, and the brokers
/// themselves end them only after the transaction time-out. Who they were stands beside the committed offsets, and whether they are gone
/// is asked of the group. Somebody alive who is taken for dead (frozen for longer than his session) finds his transaction aborted, as he
/// would in any case. So is one's own when nothing else has helped.
///
/// Owned by the log; has a thread from the first suspicion on.
class TakeOver {
 public:
  TakeOver(Cluster& cluster, Admin& admin) : cluster_{cluster}, admin_{admin} {}
  ~TakeOver();

  /// The group's offsets can't be read. When that lasts for longer than a commit takes, somebody looks into it. Any thread.
  void suspect(const std::string& group);

 private:
  void work();
  void look_into(const std::string& group, std::int64_t lasts_ms);
  void end(const std::string& transactional_id, const std::string& group, const log::TopicPartition& input);

  Cluster& cluster_;
  Admin& admin_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  struct Suspicion {
    std::int64_t since_ms = 0, last_ms = 0, looked_ms = 0;
  };
  std::map<std::string, Suspicion> groups_;
  std::thread thread_;
};

}  // namespace klamm::inline v0::rdkafka
