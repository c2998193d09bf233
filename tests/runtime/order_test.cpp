// In which order a task takes records: offsets within a partition, the smallest timestamp among several.
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "graph/graph.hpp"
#include "klamm/klamm.hpp"
#include "log/embedded.hpp"
#include "ports/clock.hpp"
#include "ports/executor.hpp"
#include "runtime/engine.hpp"

namespace {

/// Values of both topics, in the order in which one task saw them.
std::vector<std::int64_t> order_of(const klamm::Topic<std::string, std::int64_t>& first,
                                   const klamm::Topic<std::string, std::int64_t>& second,
                                   const std::vector<std::pair<std::int64_t, std::int64_t>>& ones,
                                   const std::vector<std::pair<std::int64_t, std::int64_t>>& twos) {
  klamm::Topology topology{"order"};
  std::vector<std::int64_t> seen;
  topology.stream(first).merge(topology.stream(second)).for_each([&seen](std::int64_t v) { seen.push_back(v); });
  klamm::ports::ManualClock clock;
  const klamm::runtime::Logger quiet{klamm::LogSink{}, clock};
  klamm::runtime::Logger logger = quiet;
  const auto background = klamm::ports::inline_executor();
  const auto log = klamm::log::memory_log();
  klamm::runtime::Engine engine{topology.graph(), "order", {}, *log, clock, *background, logger};
  REQUIRE(engine.start(1, 1).ok());
  const auto put = [&](const std::string& topic, const std::vector<std::pair<std::int64_t, std::int64_t>>& records) {
    const auto inlet = std::move(*log->inlet(topic, ""));
    for (const auto& [time, value] : records) {
      klamm::Bytes bytes;
      klamm::serde<std::int64_t>::encode(value, bytes);
      REQUIRE(inlet->send(0, klamm::BytesView{bytes}.first(1), bytes, klamm::Timestamp{time}, {}, {}).ok());
    }
  };
  put(first.name(), ones);
  put(second.name(), twos);
  REQUIRE(engine.settle(true).ok());
  return seen;
}

const klamm::Topic<std::string, std::int64_t> a{"a"}, b{"b"};

}  // namespace

TEST_CASE("among partitions the record with the smallest timestamp goes first; within one, offsets rule") {
  using Values = std::vector<std::int64_t>;
  CHECK(order_of(a, b, {{1, 10}, {5, 11}, {9, 12}}, {{2, 20}, {6, 21}}) == Values{10, 20, 11, 21, 12});
  CHECK(order_of(a, b, {{5, 10}, {1, 11}}, {{3, 20}}) == Values{20, 10, 11});  // 11 is late, but behind 10
  CHECK(order_of(a, b, {{1, 10}, {2, 11}, {3, 12}}, {}) == Values{10, 11, 12});
  CHECK(order_of(a, b, {{1, 10}}, {{1, 20}}) == Values{10, 20});
}

TEST_CASE("the choice between partitions asks the topic's extractor") {
  using Values = std::vector<std::int64_t>;
  const auto by_value = [](std::int64_t v) { return v; };
  CHECK(order_of(a.timestamp(by_value), b.timestamp(by_value), {{9, 30}, {9, 40}}, {{1, 35}, {1, 50}}) == Values{30, 35, 40, 50});
}

TEST_CASE("long runs over more records than a look-ahead holds keep the order") {
  std::vector<std::pair<std::int64_t, std::int64_t>> ones, twos;
  std::vector<std::int64_t> expected;
  for (std::int64_t i = 0; i < 1000; ++i) {
    (i / 150 % 2 == 0 ? ones : twos).emplace_back(i, i);
    expected.push_back(i);
  }
  CHECK(order_of(a, b, ones, twos) == expected);
}
