#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "kafka/config.hpp"

namespace klamm::inline v0::rdkafka {

/// A consumer handle that fetches for readers, each from a partition of its own. It is no member of a group, so that nothing it has
/// fetched is thrown away when a group rebalances.
class Fetcher final : public Callbacks {
 public:
  static Result<std::shared_ptr<Fetcher>> connect(Cluster& cluster);

  [[nodiscard]] rd_kafka_t* handle() const { return handle_.get(); }
  /// The topic, known to the handle before it returns: librdkafka begins to fetch from a topic that it does not know a second late.
  Result<rd_kafka_topic_t*> topic(const std::string& name);
  [[nodiscard]] const Cluster& cluster() const { return cluster_; }
  [[nodiscard]] const FetchAhead& ahead() const { return ahead_; }

  /// What the log's thread does now and then: callbacks, and kicks for hungry readers. Whether some reader is hungry.
  bool serve();

  /// A reader's claim to its partition; the next reader of the same gets another fetcher.
  struct Claim {
    log::TopicPartition tp;
    /// Its queue was full once, has been read to the end, and the partition has more: librdkafka before 2.2 looks again after up to a
    /// second, unless something else wakes the thread that fetches.
    std::atomic<bool> hungry{false};
  };
  /// Null when a reader has the partition.
  std::shared_ptr<Claim> claim(const log::TopicPartition& tp);

 private:
  explicit Fetcher(Cluster& cluster) : Callbacks{cluster}, ahead_{fetch_ahead(cluster.options())} {}

  const FetchAhead ahead_;
  Handle handle_;  // before the topics: destroyed after them
  std::mutex mutex_;
  std::map<std::string, TopicHandle> topics_;
  std::vector<std::weak_ptr<Claim>> claims_;
};

/// The fetchers of a log: one, and more only while several readers have the same partition. Any thread.
class Fetchers {
 public:
  explicit Fetchers(Cluster& cluster) : cluster_{cluster} {}
  struct Place {
    std::shared_ptr<Fetcher> fetcher;
    std::shared_ptr<Fetcher::Claim> claim;
  };
  Result<Place> place(const log::TopicPartition& tp);
  bool serve();

 private:
  Cluster& cluster_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<Fetcher>> fetchers_;
};

}  // namespace klamm::inline v0::rdkafka
