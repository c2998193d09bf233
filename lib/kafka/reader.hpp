#pragma once

#include <functional>
#include <vector>

#include "kafka/arena.hpp"
#include "kafka/fetcher.hpp"

namespace klamm::inline v0::rdkafka {

/// Reads a partition. Records are copied out of librdkafka's queue a few hundred at a time: what it hands on lives for one call only, its
/// batch interface loses records before 2.1, and a run in the cache serves whoever wants to look ahead.
///
/// The end of the partition is a signal of librdkafka's own (markers and what compaction left carry no record), so `position` stands behind
/// them. Owned by a task; one thread.
class Reader final : public log::Reader {
 public:
  static Result<std::unique_ptr<log::Reader>> open(Fetchers::Place place, log::Offset from, std::function<void()> wake);
  ~Reader() override;

  Result<std::size_t> poll(std::size_t limit, const Take& take) override;
  [[nodiscard]] log::Offset position() const override { return position_; }
  void seek(log::Offset offset) override;
  [[nodiscard]] bool has_been_at_end() const override { return caught_up_; }
  [[nodiscard]] log::Offset end() const override;

 private:
  Reader(Fetchers::Place place, rd_kafka_topic_t* topic, std::function<void()> wake)
      : fetcher_{std::move(place.fetcher)}, claim_{std::move(place.claim)}, topic_{topic}, wake_{std::move(wake)} {}

  Status start(log::Offset from);
  void stop();
  /// Takes over what has been fetched, up to a few hundred records.
  void refill();
  void take_in(const rd_kafka_message_t& message);
  void failed(const rd_kafka_message_t& message);

  const std::shared_ptr<Fetcher> fetcher_;
  const std::shared_ptr<Fetcher::Claim> claim_;
  rd_kafka_topic_t* const topic_;
  const std::function<void()> wake_;

  Queue queue_;  // a new one for each start: nothing of the old position can be in it
  Arena bytes_;
  Bytes headers_;
  std::vector<RawMessage> messages_;
  std::size_t next_ = 0;
  log::Offset position_ = 0;
  log::Offset end_seen_ = -1;  ///< where the partition ended when the last of `messages_` had been fetched; -1: there was more
  bool caught_up_ = false;
  std::size_t since_empty_ = 0, bytes_since_empty_ = 0;
  Status failure_;  ///< what follows `messages_`
};

}  // namespace klamm::inline v0::rdkafka
