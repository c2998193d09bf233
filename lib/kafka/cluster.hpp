#pragma once

#include <algorithm>
#include <atomic>
#include <mutex>
#include <string>
#include <string_view>

#include "kafka/errors.hpp"
#include "kafka/kafka.hpp"
#include "kafka/metadata.hpp"

namespace klamm::inline v0::rdkafka {

/// What all handles of a log share: the options, where log lines go, and whether a handle has missed the brokers. Any thread.
class Cluster {
 public:
  explicit Cluster(KafkaOptions options) : options_{std::move(options)} {}

  [[nodiscard]] const KafkaOptions& options() const { return options_; }
  [[nodiscard]] const std::string& where() const { return options_.brokers; }
  [[nodiscard]] int timeout_ms() const { return static_cast<int>(options_.request_timeout.milliseconds()); }
  void line(Level level, std::string_view text) const {
    if (options_.log_sink) options_.log_sink(level, text);
  }
  [[nodiscard]] Status status(const Failure& failure, const std::string& what, const std::string& object) const {
    return to_status(failure, what, object, where());
  }

  /// A transactional producer of this process, by its name before `-<instance>`.
  void sign(const std::string& producer) {
    const std::lock_guard lock{mutex_};
    auto& known = signature_.producers;
    if (std::find(known.begin(), known.end(), producer) == known.end()) known.push_back(producer);
  }
  /// All of them.
  [[nodiscard]] Signature signature() const {
    const std::lock_guard lock{mutex_};
    return {options_.instance, signature_.producers};
  }
  /// The topic of marks that are too long for the offsets' metadata.
  [[nodiscard]] std::string marks_topic() const { return options_.application_id + "-marks"; }

  /// A handle has lost brokers; whether that is so is to be found out.
  void suspect() { suspected_ = true; }
  [[nodiscard]] bool take_suspicion() { return suspected_.exchange(false); }
  /// Whether no broker answers: who asks all the same would wait for nothing.
  [[nodiscard]] bool away() const { return away_; }
  void set_away(bool away) { away_ = away; }

 private:
  const KafkaOptions options_;
  std::atomic<bool> suspected_{false}, away_{false};
  mutable std::mutex mutex_;
  Signature signature_;
};

}  // namespace klamm::inline v0::rdkafka
