#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "kafka/admin.hpp"

namespace klamm::inline v0::rdkafka {

/// The producer that all inlets of a log share, and the thread that hears from it what is in the log. Owned by the log, made with the first
/// inlet. Any thread.
class InletProducer final : public Callbacks {
 public:
  static Result<std::unique_ptr<InletProducer>> connect(Cluster& cluster);
  ~InletProducer() override;

  Result<std::unique_ptr<log::Inlet>> inlet(const TopicInfo& topic);

  void delivered(const rd_kafka_message_t& message) override;
  void fatal(const Failure& failure) override;

 private:
  class KafkaInlet;
  struct State;
  explicit InletProducer(Cluster& cluster) : Callbacks{cluster} {}

  Handle handle_;
  std::mutex mutex_;
  std::map<std::string, TopicHandle> topics_;
  std::vector<std::shared_ptr<State>> states_;  // as long as reports may come
  std::atomic<bool> stopping_{false};
  std::thread reports_;
};

}  // namespace klamm::inline v0::rdkafka
