#pragma once

#include <doctest/doctest.h>
#include <stdlib.h>

#include <chrono>
#include <mutex>
#include <string>
#include <vector>

#include "kafka/kafka.hpp"
#include "log/support.hpp"

namespace klamm::rdkafka::test {

using log::TopicPartition;
using log::TopicState;
using log::test::bytes;
using log::test::eventually;
using log::test::Lines;
using log::test::show;
using log::test::text;

/// The broker that tests/kafka/run.py has started.
inline std::string brokers() {
  const char* address = ::getenv("KLAMM_BROKERS");
  REQUIRE_MESSAGE(address != nullptr, "run tests/kafka/run.py, which starts a broker");
  return address;
}

/// A name that no other test, nor an earlier run, has.
inline std::string unique(const std::string& name) {
  static int count = 0;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return name + '-' + std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(now).count() % 1'000'000'000) + '-' +
         std::to_string(++count);
}

inline KafkaOptions options() {
  return {.brokers = brokers(),
          .application_id = "test",
          .instance = "one",
          .session_timeout = Duration{6'000},
          .transaction_timeout = Duration{6'000}};
}

inline std::unique_ptr<log::Log> open(KafkaOptions with = options()) {
  auto opened = open_kafka(std::move(with));
  REQUIRE_MESSAGE(opened.ok(), opened.status().message());
  return *std::move(opened);
}

/// A topic of a name of its own.
inline std::string make_topic(log::Log& log, const std::string& name, log::Partition partitions = 1,
                              log::Cleanup cleanup = log::Cleanup::keep) {
  // Internal ones, so that records may have any time.
  const TopicState state{.name = unique(name), .partitions = partitions, .cleanup = cleanup, .owner = log::Owner::application};
  const Status made = log.create(std::span{&state, 1});
  REQUIRE_MESSAGE(made.ok(), made.message());
  return state.name;
}

template <class T> T must(Result<T> result) {
  REQUIRE_MESSAGE(result.ok(), result.status().message());
  return *std::move(result);
}

/// All that is between `reader` and the offset `end`.
inline Lines read_to(log::Reader& reader, log::Offset end) {
  Lines lines;
  const bool there = eventually([&] {
    const auto polled = reader.poll(1'000, [&](std::span<const RawMessage> messages) {
      for (const auto& message : messages) lines.push_back(show(message));
      return messages.size();
    });
    REQUIRE_MESSAGE(polled.ok(), polled.status().message());
    return reader.position() >= end;
  });
  CHECK_MESSAGE(there, "stands at ", reader.position(), " and not at ", end);
  return lines;
}
/// All of a partition, when it is known to end at `at_least` or later: what was committed shows a little later.
inline Lines read_all(log::Log& log, const TopicPartition& tp, log::Offset at_least = 1) {
  log::Bounds bounds;
  CHECK(eventually([&] { return (bounds = must(log.bounds(tp))).end >= at_least; }));
  const auto reader = must(log.reader(tp, bounds.begin, nullptr));
  return read_to(*reader, bounds.end);
}

inline void append(log::Producer& producer, log::Producer::Topic topic, std::string_view key, std::string_view value,
                   log::Partition partition = 0) {
  producer.append(topic, partition, bytes(key), bytes(value), Timestamp{1'000}, {});
}

/// Whether `done` comes true in so many seconds.
template <class Done> bool within(int seconds, const Done& done) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{seconds};
  while (std::chrono::steady_clock::now() < until) {
    if (done()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  return false;
}

/// Prepares, and says how that ended.
inline log::Producer::Prepared prepare(log::Producer& producer, int seconds = 20) {
  producer.prepare();
  std::optional<log::Producer::Prepared> prepared;
  if (within(seconds, [&] { return (prepared = producer.prepared()).has_value(); })) return *prepared;
  return {.status = {Code::internal, "prepare did not end"}, .ends = {}};
}
inline Status outcome(log::Producer& producer, int seconds = 20) {
  std::optional<log::CommitOutcome> ended;
  if (within(seconds, [&] { return (ended = producer.poll()).has_value(); })) return ended->status;
  return {Code::internal, "the commit did not end"};
}
/// A whole commit.
inline Status commit(log::Producer& producer, const std::string& group = "group", std::vector<log::OffsetCommit> offsets = {},
                     int seconds = 20) {
  if (auto prepared = prepare(producer, seconds); !prepared.status.ok()) return prepared.status;
  producer.commit(group, std::move(offsets), {});
  return outcome(producer, seconds);
}

}  // namespace klamm::rdkafka::test
