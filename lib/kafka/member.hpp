#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kafka/groups.hpp"

namespace klamm::inline v0::rdkafka {

/// A member of a group. Its handle does what the group's protocol asks for and fetches nothing: readers have handles of their own, which no
/// rebalance disturbs. So what librdkafka is told to fetch is always the empty list, while what the group has assigned is the listener's.
///
/// One topic of each sub-topology is subscribed, the leader; cooperative-sticky deals out its partitions, and whatever else a task reads
/// follows. Used by one thread.
class Member final : public log::Member, public Seat::Owner {
 public:
  static Result<std::unique_ptr<log::Member>> join(Cluster& cluster, Groups& groups, const std::string& group,
                                                   const std::vector<std::string>& topics, log::GroupListener& listener);
  ~Member() override;
  Status poll() override;

 private:
  Member(Cluster& cluster, Groups& groups, std::string group, std::vector<std::string> topics, log::GroupListener& listener)
      : cluster_{cluster},
        groups_{groups},
        group_{std::move(group)},
        listener_{&listener},
        seat_{std::make_shared<Seat>(cluster, *this, std::move(topics))} {}

  void rebalance(rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t* partitions) override;
  void fatal(const Failure& failure) override;
  void failed(const rd_kafka_message_t& message);
  void wait_while_joining();
  /// Leaves the group. False when librdkafka does not come back from it.
  bool close();

  Cluster& cluster_;
  Groups& groups_;
  const std::string group_;
  log::GroupListener* listener_;  // null while leaving
  std::shared_ptr<Seat> seat_;
  bool entered_ = false;
  bool told_ = false;  // of the first assignment
  Status failure_;
};

}  // namespace klamm::inline v0::rdkafka
