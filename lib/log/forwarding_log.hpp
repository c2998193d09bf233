#pragma once

#include <utility>

#include "log/log.hpp"

namespace klamm::inline v0::log {

/// A log that is another one, which must outlive it: for logs that differ from one in a few things.
class ForwardingLog : public Log {
 public:
  explicit ForwardingLog(Log& log) : log_{log} {}

  [[nodiscard]] std::string where() const override { return log_.where(); }
  [[nodiscard]] bool connected() const override { return log_.connected(); }
  [[nodiscard]] bool shows_commits_late() const override { return log_.shows_commits_late(); }
  [[nodiscard]] Partition default_partitions() const override { return log_.default_partitions(); }
  Result<std::optional<TopicState>> topic(const std::string& name) override { return log_.topic(name); }
  Status create(std::span<const TopicState> topics) override { return log_.create(topics); }
  Status remove(std::span<const std::string> topics) override { return log_.remove(topics); }
  Result<Bounds> bounds(const TopicPartition& tp) override { return log_.bounds(tp); }
  Status purge(const TopicPartition& tp, Offset before) override { return log_.purge(tp, before); }
  void restored_from(const TopicPartition& tp, Offset from) override { log_.restored_from(tp, from); }
  Result<std::unique_ptr<Reader>> reader(const TopicPartition& tp, Offset from, std::function<void()> wake) override {
    return log_.reader(tp, from, std::move(wake));
  }
  Result<std::unique_ptr<Producer>> producer(const std::string& name, Guarantee guarantee, std::function<void()> wake) override {
    return log_.producer(name, guarantee, std::move(wake));
  }
  Result<std::unique_ptr<Inlet>> inlet(const std::string& topic, const std::string& feeder) override { return log_.inlet(topic, feeder); }
  Result<std::optional<std::int64_t>> feed_position(const std::string& feeder) override { return log_.feed_position(feeder); }
  Result<std::unique_ptr<Member>> join(const std::string& group, std::vector<std::string> topics, GroupListener& listener) override {
    return log_.join(group, std::move(topics), listener);
  }
  Result<GroupDescription> describe(const std::string& group) override { return log_.describe(group); }
  Result<std::vector<std::optional<Committed>>> committed(const std::string& group, std::span<const TopicPartition> partitions) override {
    return log_.committed(group, partitions);
  }
  Status forget(const std::string& group) override { return log_.forget(group); }
  Status reset(const std::string& group, std::span<const std::string> topics) override { return log_.reset(group, topics); }

 protected:
  Log& log_;
};

}  // namespace klamm::inline v0::log
