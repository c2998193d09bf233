// Queries: what they find, in which order, and the distinct answers when they can't.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <iterator>
#include <limits>
#include <map>
#include <ranges>
#include <string>
#include <thread>
#include <vector>

#include "klamm/app.hpp"
#include "klamm/klamm.hpp"
#include "support/temporary_directory.hpp"

using namespace std::chrono_literals;

namespace {

const klamm::Topic<std::string, std::int64_t> texts{"texts"};
const klamm::Topic<std::int64_t, std::int64_t> numbers{"numbers"};

void quiet(klamm::Level, std::string_view, std::string_view, std::span<const klamm::Field>) {}

static_assert(std::ranges::input_range<klamm::Rows<std::string, std::int64_t>>);

klamm::Topology sums() {
  klamm::Topology topology{"sums"};
  const auto add = [](std::int64_t a, std::int64_t b) { return a + b; };
  topology.stream(texts).group_by_key().reduce("by-text", add);
  topology.stream(numbers).group_by_key().reduce("by-number", add);
  topology.stream(numbers).group_by([](std::int64_t, std::int64_t v) { return v % 10; }).count("by-digit");
  return topology;
}

template <class K> std::vector<K> keys(klamm::Result<klamm::Rows<K, std::int64_t>> rows) {
  REQUIRE(rows.ok());
  std::vector<K> keys;
  for (const auto& [key, value] : *rows) keys.push_back(key);
  CHECK(rows->status().ok());
  return keys;
}

/// Each case on a log in memory, and on files: before the first checkpoint, with some of the rows in them, and with all.
struct Where {
  const char* name;
  bool files;
  klamm::Duration checkpoints;
};
constexpr Where everywhere[] = {{"memory", false, 30s}, {"no file yet", true, 3600s}, {"files and batches", true, 20ms}};

struct Running {
  explicit Running(const Where& where)
      : app{topology,
            {.log = where.files ? klamm::embedded(directory.path()) : klamm::in_memory(),
             .threads = 2,
             .partitions = 3,
             .commit_interval = 5ms,
             .checkpoint_interval = where.checkpoints,
             .log_sink = quiet}} {
    REQUIRE(app.start().ok());
  }
  klamm::testing::TemporaryDirectory directory;
  klamm::Topology topology = sums();
  klamm::App app;
};

}  // namespace

TEST_CASE("a query finds what is committed: one key, a range, a prefix, all, and how many") {
  for (const Where& where : everywhere) {
    INFO(where.name);
    Running running{where};
    klamm::App& app = running.app;
    const auto producer = app.producer(texts);
    const char* const words[] = {"ant",
                                 "antler",
                                 "ape",
                                 "",
                                 "b",
                                 "zebra",
                                 "\xff",
                                 "\xff\xff"
                                 "a"};
    for (int round = 1; round <= 4; ++round) {
      for (const char* word : words) CHECK(producer.send(word, round).ok());
      CHECK(app.drain(10s) == true);
      std::this_thread::sleep_for(30ms);
      const auto query = app.query<std::int64_t>("by-text");
      CHECK(query.get("ant") == std::optional<std::int64_t>{round * (round + 1) / 2});
      CHECK(query.get(std::string_view{"nobody"}) == std::optional<std::int64_t>{});
      CHECK(keys(query.range("ant", "b")) == std::vector<std::string>{"ant", "antler", "ape"});
      CHECK(keys(query.range("b", "ant")).empty());
      CHECK(keys(query.range("c")) == std::vector<std::string>{"zebra", "\xff",
                                                               "\xff\xff"
                                                               "a"});
      CHECK(keys(query.prefix("ant")) == std::vector<std::string>{"ant", "antler"});
      CHECK(keys(query.prefix("\xff")) == std::vector<std::string>{"\xff",
                                                                   "\xff\xff"
                                                                   "a"});
      CHECK(keys(query.prefix("")).size() == std::size(words));
      CHECK(keys(query.all<std::string>()) == std::vector<std::string>{"", "ant", "antler", "ape", "b", "zebra", "\xff",
                                                                       "\xff\xff"
                                                                       "a"});
      CHECK(query.count() == static_cast<std::int64_t>(std::size(words)));
    }
  }
}

TEST_CASE("keys that are numbers sort as numbers, negative ones first") {
  constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min(), highest = std::numeric_limits<std::int64_t>::max();
  const std::vector<std::int64_t> sorted{lowest, -1000, -256, -255, -1, 0, 1, 255, 256, 70'000, highest};
  for (const Where& where : everywhere) {
    INFO(where.name);
    Running running{where};
    const auto producer = running.app.producer(numbers);
    for (const std::int64_t n : sorted) CHECK(producer.send(n, 1).ok());
    CHECK(running.app.drain(10s) == true);
    const auto query = running.app.query<std::int64_t>("by-number");
    CHECK(keys(query.all<std::int64_t>()) == sorted);
    for (const std::int64_t from : {lowest, std::int64_t{-256}, std::int64_t{-2}, std::int64_t{0}, std::int64_t{256}, highest}) {
      std::vector<std::int64_t> left;
      for (const std::int64_t n : sorted) {
        if (n >= from) left.push_back(n);
      }
      CHECK(keys(query.range(from)) == left);
      for (const std::int64_t to : {lowest, std::int64_t{-255}, std::int64_t{0}, std::int64_t{1}, std::int64_t{300}, highest}) {
        std::vector<std::int64_t> between;
        for (const std::int64_t n : sorted) {
          if (n >= from && n < to) between.push_back(n);
        }
        CHECK(keys(query.range(from, to)) == between);
      }
    }
  }
}

TEST_CASE("what a query can't answer has a code of its own, and a message that names the table") {
  Running running{everywhere[0]};
  klamm::App& app = running.app;
  CHECK(app.drain(10s) == true);
  const auto expect = [](const klamm::Status& status, klamm::Code code, const char* words) {
    CHECK(status.code() == code);
    CHECK_MESSAGE(status.message().find(words) != std::string::npos, status.message());
  };
  expect(app.query<std::int64_t>("by-txt").get("a").status(), klamm::Code::not_found, "no store of this name");
  expect(app.query<std::int64_t>("by-text").get(std::int32_t{1}).status(), klamm::Code::invalid_argument,
         "asked with keys of type int32, its keys are string");
  expect(app.query<std::string>("by-text").all<std::string>().status(), klamm::Code::invalid_argument,
         "asked with values of type string, its values are int64");
  expect(app.query<std::string>("by-text").count().status(), klamm::Code::invalid_argument, "values");
  CHECK(app.query<std::int64_t>("by-text").count() == 0);
  CHECK(app.query<std::int64_t>("by-text").get("a") == std::optional<std::int64_t>{});
  CHECK(app.stop(10s).ok());
  expect(app.query<std::int64_t>("by-text").get("a").status(), klamm::Code::unavailable, "the application is stopped");
  expect(app.query<std::int64_t>("by-text").count().status(), klamm::Code::unavailable, "the application is stopped");
}

TEST_CASE("rows stay as they were taken, while the application goes on and after it has stopped") {
  for (const Where& where : everywhere) {
    INFO(where.name);
    Running running{where};
    klamm::App& app = running.app;
    const auto producer = app.producer(numbers);
    for (std::int64_t n = 0; n < 500; ++n) CHECK(producer.send(n, 1).ok());
    CHECK(app.drain(10s) == true);
    std::this_thread::sleep_for(50ms);
    auto before = app.query<std::int64_t>("by-number").all<std::int64_t>();
    REQUIRE(before.ok());
    auto it = before->begin();
    for (std::int64_t n = 0; n < 500; ++n) CHECK(producer.send(n, 1000).ok());
    CHECK(app.drain(10s) == true);
    std::this_thread::sleep_for(50ms);
    CHECK(app.stop(10s).ok());
    std::int64_t n = 0;
    for (; it != before->end(); ++it, ++n) {
      CHECK(it->key == n);
      CHECK(it->value == 1);
    }
    CHECK(n == 500);
    CHECK(before->status().ok());
  }
}

TEST_CASE("a key is found where another writer put it, and what klamm places itself is asked for at one place") {
  Running running{everywhere[0]};
  klamm::App& app = running.app;
  const auto producer = app.producer(numbers);
  for (std::int64_t n = 0; n < 30; ++n) CHECK(producer.send(n, n, {.partition = static_cast<std::int32_t>(n % 3)}).ok());
  CHECK(app.drain(10s) == true);
  for (std::int64_t n = 0; n < 30; ++n) {
    CHECK(app.query<std::int64_t>("by-number").get(n) == std::optional<std::int64_t>{n});
    CHECK(app.query<std::int64_t>("by-digit").get(n) == (n < 10 ? std::optional<std::int64_t>{3} : std::optional<std::int64_t>{}));
  }
}

TEST_CASE("a worker that does not come back is named when the deadline has passed, and nothing waits for ever") {
  std::atomic<bool> entered{false}, leave{false};
  klamm::Topology topology{"stuck"};
  topology.stream(texts)
      .filter([&](std::int64_t v) {
        entered = entered || v == 1;
        while (v == 1 && !leave) std::this_thread::sleep_for(1ms);
        return true;
      })
      .group_by_key()
      .count("n");
  klamm::App app{topology, {.log = klamm::in_memory(), .partitions = 1, .log_sink = quiet}};
  REQUIRE(app.start().ok());
  CHECK(app.producer(texts).send("a", 1).ok());
  while (!entered) std::this_thread::sleep_for(1ms);
  const auto query = app.query<std::int64_t>("n", {.deadline = 60ms});
  for (const klamm::Status& status : {query.get("a").status(), query.all<std::string>().status()}) {
    CHECK(status.code() == klamm::Code::unavailable);
    CHECK_MESSAGE(status.message().find("worker 0 did not answer within 60 ms: it is in a function of task texts/0") != std::string::npos,
                  status.message());
  }
  leave = true;
  CHECK(app.drain(10s) == true);
  CHECK(query.get("a") == std::optional<std::int64_t>{1});
}
