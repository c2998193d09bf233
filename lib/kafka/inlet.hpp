#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

#include "kafka/admin.hpp"

namespace klamm::inline v0::rdkafka {

/// The producer that all inlets of a log share, and the thread that hears from it what is in the log. When librdkafka has lost count of
/// what a broker has that came back from a crash, its handle is done for: a new one sends again what was not acknowledged, which may be
/// there then already. Owned by the log, made with the first inlet. Any thread.
class InletProducer final : public Callbacks {
 public:
  static Result<std::unique_ptr<InletProducer>> connect(Cluster& cluster);
  ~InletProducer() override;

  Result<std::unique_ptr<log::Inlet>> inlet(const TopicInfo& topic);
  [[nodiscard]] rd_kafka_t* handle() { return handle_.get(); }

  void delivered(const rd_kafka_message_t& message) override;
  void fatal(const Failure& failure) override;

 private:
  class KafkaInlet;
  struct State;
  struct Sent;
  /// A record whose handle was done for before it was acknowledged.
  struct Unsent {
    State* state;
    std::string topic;
    log::Partition partition;
    std::optional<Bytes> key, value;
    Bytes headers;
    std::int64_t timestamp;
  };
  explicit InletProducer(Cluster& cluster) : Callbacks{cluster} {}
  Status open(Handle& handle);
  void prime(const std::string& name, TopicHandle& topic);
  void hear_reports();
  void replace();
  bool is_broken();

  std::shared_mutex in_use_;  // the handle and the topics; taken behind a state's mutex
  Handle handle_;
  std::atomic<bool> broken_{false};
  std::vector<Unsent> unsent_;  // the thread's own
  std::mutex mutex_;
  std::map<std::string, TopicHandle> topics_;
  std::vector<std::shared_ptr<State>> states_;  // as long as reports may come
  std::atomic<bool> stopping_{false};
  std::thread reports_;
};

}  // namespace klamm::inline v0::rdkafka
