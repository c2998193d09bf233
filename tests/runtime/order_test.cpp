// In which order a task takes records: offsets within a partition, the smallest timestamp among several.
#include <doctest/doctest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "graph/graph.hpp"
#include "klamm/klamm.hpp"
#include "klamm/test_driver.hpp"
#include "log/embedded.hpp"
#include "log/forwarding_log.hpp"
#include "ports/clock.hpp"
#include "ports/executor.hpp"
#include "runtime/engine.hpp"

namespace {

/// Records of one topic are on their way for the first few polls.
class SlowReader final : public klamm::log::Reader {
 public:
  explicit SlowReader(std::unique_ptr<klamm::log::Reader> reader) : reader_{std::move(reader)} {}
  klamm::Result<std::size_t> poll(std::size_t limit, const Take& take) override {
    if (++polls_ < 6) return std::size_t{0};
    auto taken = reader_->poll(limit, take);
    at_end_ = at_end_ || (taken.ok() && *taken < limit);
    return taken;
  }
  [[nodiscard]] klamm::log::Offset position() const override { return reader_->position(); }
  void seek(klamm::log::Offset offset) override { reader_->seek(offset); }
  [[nodiscard]] bool has_been_at_end() const override { return at_end_; }
  [[nodiscard]] klamm::log::Offset end() const override { return reader_->end(); }

 private:
  std::unique_ptr<klamm::log::Reader> reader_;
  int polls_ = 0;
  bool at_end_ = false;
};

class SlowLog final : public klamm::log::ForwardingLog {
 public:
  SlowLog(klamm::log::Log& log, std::string slow) : ForwardingLog{log}, slow_{std::move(slow)} {}
  klamm::Result<std::unique_ptr<klamm::log::Reader>> reader(const klamm::log::TopicPartition& tp, klamm::log::Offset from,
                                                            std::function<void()> wake) override {
    auto reader = log_.reader(tp, from, std::move(wake));
    if (!reader.ok() || tp.topic != slow_) return reader;
    return std::unique_ptr<klamm::log::Reader>{std::make_unique<SlowReader>(std::move(*reader))};
  }

 private:
  const std::string slow_;
};

/// Values of both topics, in the order in which one task saw them.
std::vector<std::int64_t> order_of(const klamm::Topic<std::string, std::int64_t>& first,
                                   const klamm::Topic<std::string, std::int64_t>& second,
                                   const std::vector<std::pair<std::int64_t, std::int64_t>>& ones,
                                   const std::vector<std::pair<std::int64_t, std::int64_t>>& twos, const std::string& slow = {}) {
  klamm::Topology topology{"order"};
  std::vector<std::int64_t> seen;
  topology.stream(first).merge(topology.stream(second)).for_each([&seen](std::int64_t v) { seen.push_back(v); });
  klamm::ports::ManualClock clock;
  const klamm::runtime::Logger quiet{klamm::LogSink{}, clock};
  klamm::runtime::Logger logger = quiet;
  const auto background = klamm::ports::inline_executor();
  const auto memory = klamm::log::memory_log();
  SlowLog slow_log{*memory, slow};
  klamm::log::Log* const log = &slow_log;
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
  for (int i = 0; i < 10; ++i) REQUIRE(engine.settle(true).ok());
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

TEST_CASE("records that are on their way are waited for: they may be older than those that have come") {
  using Values = std::vector<std::int64_t>;
  CHECK(order_of(a, b, {{1, 10}, {5, 11}, {9, 12}}, {{2, 20}, {6, 21}}, "a") == Values{10, 20, 11, 21, 12});
  CHECK(order_of(a, b, {{1, 10}, {5, 11}, {9, 12}}, {{2, 20}, {6, 21}}, "b") == Values{10, 20, 11, 21, 12});
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

TEST_CASE("equal timestamps do not depend on batches: the first topic goes first") {
  for (const std::size_t before : {1, 60, 62, 63, 64, 65, 130}) {
    std::vector<std::pair<std::int64_t, std::int64_t>> ones, twos{{5, -1}};
    std::vector<std::int64_t> expected;
    for (std::size_t i = 0; i < before; ++i) ones.emplace_back(5, static_cast<std::int64_t>(i));
    for (const auto& [time, value] : ones) expected.push_back(value);
    expected.push_back(-1);
    CHECK(order_of(a, b, ones, twos) == expected);
  }
}

TEST_CASE("an extractor that throws is an error of its record, also when partitions are chosen by it") {
  const auto fragile = [](std::int64_t v) -> std::int64_t {
    if (v == 13) throw std::runtime_error{"no time"};
    return v;
  };
  klamm::Topology topology{"extract"};
  std::vector<std::int64_t> seen;
  topology.stream(a.timestamp(fragile)).merge(topology.stream(b)).for_each([&seen](std::int64_t v) { seen.push_back(v); });
  klamm::TestDriver t{topology, {.on_error = klamm::skip()}};
  for (const std::int64_t v : {1, 13, 2}) CHECK(t.input(a).send("k", v).ok());
  CHECK(t.input(b).send("k", 3).ok());
  CHECK(seen == std::vector<std::int64_t>{1, 2, 3});
  CHECK(t.counters().skipped == 1);
}
