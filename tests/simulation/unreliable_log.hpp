#pragma once

#include <memory>
#include <random>
#include <vector>

#include "log/forwarding_log.hpp"

namespace klamm::simulation {

/// What one process sees of a log over a bad network: answers come late or not at all, commits abort, or succeed unseen, and readers lag
/// behind. All by a seeded generator, on one thread.
class UnreliableLog final : public log::ForwardingLog {
 public:
  /// `client` and `random` outlive it.
  UnreliableLog(log::Log& client, std::mt19937_64& random);
  ~UnreliableLog() override;

  /// The process dies: nothing that it has open is closed in order from now on, and its last commit may or may not have got through.
  void die() { dead_ = true; }
  /// Whether the log can be reached.
  void set_away(bool away) { away_ = away; }
  /// Whether all goes well from now on.
  void set_calm() { calm_ = true; }

  [[nodiscard]] bool connected() const override { return !away_; }
  [[nodiscard]] bool shows_commits_late() const override { return true; }
  Result<log::Bounds> bounds(const log::TopicPartition& tp) override;
  Status purge(const log::TopicPartition& tp, log::Offset before) override;
  Result<std::unique_ptr<log::Reader>> reader(const log::TopicPartition& tp, log::Offset from, std::function<void()> wake) override;
  Result<std::unique_ptr<log::Producer>> producer(const std::string& name, Guarantee guarantee, std::function<void()> wake) override;
  Result<std::unique_ptr<log::Member>> join(const std::string& group, std::vector<std::string> topics,
                                            log::GroupListener& listener) override;
  Result<log::GroupDescription> describe(const std::string& group) override;
  Result<std::vector<std::optional<log::Committed>>> committed(const std::string& group,
                                                               std::span<const log::TopicPartition> partitions) override;

 private:
  class LateReader;
  class LateProducer;
  class MortalMember;

  [[nodiscard]] bool chance(unsigned percent) { return !calm_ && random_() % 100 < percent; }
  [[nodiscard]] static Status unreachable() { return {Code::unavailable, "the log can't be reached"}; }

  std::mt19937_64& random_;
  bool dead_ = false, away_ = false, calm_ = false;
  std::vector<std::unique_ptr<log::Member>> orphans_;  // of the dead process: they are out when their session ends
};

}  // namespace klamm::simulation
