// Everything that runs on several threads, small enough for ThreadSanitizer. Built twice: in the plain build and under TSan.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "klamm/app.hpp"
#include "klamm/klamm.hpp"
#include "support/temporary_directory.hpp"

using namespace std::chrono_literals;

namespace {

const klamm::Topic<std::string, std::int64_t> in{"in"};
const klamm::Topic<std::int64_t, std::int64_t> out{"out"};
const auto by_remainder = klamm::table<std::int64_t>("by-remainder").fold([](std::int64_t& sum, std::int64_t v) { sum += v; });

klamm::Topology sums() {
  klamm::Topology topology{"sums"};
  topology.stream(in).group_by([](std::int64_t v) { return v % 17; }).aggregate(by_remainder).to(out);
  return topology;
}

void quiet(klamm::Level, std::string_view, std::string_view, std::span<const klamm::Field>) {}

/// Several producers, several workers, a reader: the sums are right.
void check_sums(const klamm::LogChoice& log, std::int64_t records_each) {
  const klamm::Topology topology = sums();
  std::atomic<int> started{0};
  klamm::App app{topology,
                 {.log = log,
                  .threads = 3,
                  .partitions = 6,
                  .commit_interval = 10ms,
                  .checkpoint_interval = 50ms,
                  .log_sink = quiet,
                  .on_thread_start = [&](int) { ++started; }}};
  std::vector<klamm::State> states;
  app.on_state([&states](klamm::State s) { states.push_back(s); });
  REQUIRE(app.start().ok());
  std::atomic<bool> feeding{true};
  std::thread reader{[&] {
    auto query = app.query(by_remainder);
    std::int64_t last = 0;
    while (feeding) {
      auto rows = query.all<std::int64_t>();
      if (!rows.ok()) continue;
      std::int64_t sum = 0;
      for (const auto& row : *rows) sum += row.value;
      CHECK(sum >= last);  // commits only add
      last = sum;
      static_cast<void>(query.get<std::int64_t>(3));
      static_cast<void>(app.status().lag());
    }
  }};
  std::vector<std::thread> producers;
  for (int p = 0; p < 3; ++p) {
    producers.emplace_back([&app, p, records_each] {
      const auto producer = app.producer(in);
      for (std::int64_t i = 0; i < records_each; ++i) {
        const std::int64_t value = i * 3 + p;
        if (i % 2 == 0)
          CHECK(producer.send("key-" + std::to_string(value), value).ok());
        else
          while (producer.try_send("key-" + std::to_string(value), value) != klamm::Send::sent) std::this_thread::yield();
      }
      CHECK(producer.flush().ok());
    });
  }
  for (auto& thread : producers) thread.join();
  const auto drained = app.drain(60s);
  feeding = false;
  reader.join();
  CHECK(drained == true);
  CHECK(app.query(by_remainder).count() == 17);
  auto rows = app.query(by_remainder).all<std::int64_t>();
  REQUIRE(rows.ok());
  std::array<std::int64_t, 17> expected{};
  for (std::int64_t v = 0; v < records_each * 3; ++v) expected[static_cast<std::size_t>(v % 17)] += v;
  for (const auto& row : *rows) CHECK(row.value == expected[static_cast<std::size_t>(row.key)]);
  CHECK(app.stop(30s).ok());
  CHECK(started == 3);
  CHECK(states.back() == klamm::State::stopped);
  CHECK(app.status().lag() == 0);
}

}  // namespace

TEST_CASE("several producers and workers on a log in memory lose and double nothing") { check_sums(klamm::in_memory(), 2'000); }

TEST_CASE("several producers and workers on a log in a directory lose and double nothing") {
  const klamm::testing::TemporaryDirectory directory;
  check_sums(klamm::embedded(directory.path()), 1'000);
}

TEST_CASE("a stop in the middle of the feed ends producers that wait, and the application in order") {
  const klamm::Topology topology = sums();
  klamm::App app{topology, {.log = klamm::in_memory(), .threads = 2, .partitions = 4, .max_pending_bytes = 64 << 10, .log_sink = quiet}};
  REQUIRE(app.start().ok());
  std::thread feeder{[&app] {
    const auto producer = app.producer(in);
    std::int64_t i = 0;
    while (producer.send("k", ++i).ok()) {
    }
    CHECK(producer.try_send("k", 1) == klamm::Send::failed);
  }};
  std::this_thread::sleep_for(50ms);
  app.request_stop();
  CHECK(app.wait().ok());
  feeder.join();
  CHECK(app.status().state == klamm::State::stopped);
  CHECK(app.drain(1s).status().code() == klamm::Code::cancelled);
}

TEST_CASE("the status counts what each operator left out, and the watchdog names a worker that does not come back") {
  klamm::Topology topology{"watched"};
  std::atomic<bool> leave{false};
  topology.stream(in)
      .map([](const std::string&, std::int64_t v) { return v; }, klamm::as("wants-key"))
      .filter([&](std::int64_t v) {
        while (v == 1 && !leave) std::this_thread::sleep_for(1ms);
        return true;
      })
      .group_by_key()
      .count("n");
  std::mutex mutex;
  std::string log;
  const auto keep = [&](klamm::Level, std::string_view component, std::string_view message, std::span<const klamm::Field>) {
    const std::lock_guard lock{mutex};
    log += std::string{component} + ": " + std::string{message} + '\n';
  };
  klamm::App app{topology, {.log = klamm::in_memory(), .on_error = klamm::skip(), .watchdog = 50ms, .log_sink = keep}};
  REQUIRE(app.start().ok());
  const auto producer = app.producer(klamm::Topic<std::optional<std::string>, std::int64_t>{"in"});
  CHECK(producer.send(std::nullopt, 5).ok());
  CHECK(producer.send("k", 1).ok());
  for (bool named = false; !named;) {
    std::this_thread::sleep_for(5ms);
    const std::lock_guard lock{mutex};
    named = log.find("watchdog: worker 0 has not come back from the functions of task in/") != std::string::npos;
  }
  leave = true;
  CHECK(app.drain(10s) == true);
  const klamm::AppStatus status = app.status();
  REQUIRE(status.operators.size() == 1);
  CHECK(status.operators[0].name == "wants-key");
  CHECK(status.operators[0].skipped == 1);
  CHECK(status.skipped == 1);
}

TEST_CASE("a function that does not return holds up neither stop() beyond its deadline nor what is committed") {
  klamm::Topology topology{"stuck"};
  std::atomic<bool> entered{false}, leave{false};
  topology.stream(in).for_each([&](std::int64_t) {
    entered = true;
    while (!leave) std::this_thread::sleep_for(1ms);
  });
  klamm::App app{topology, {.log = klamm::in_memory(), .log_sink = quiet}};
  REQUIRE(app.start().ok());
  CHECK(app.producer(in).send("k", 1).ok());
  while (!entered) std::this_thread::sleep_for(1ms);
  const klamm::Status status = app.stop(20ms);
  CHECK(status.code() == klamm::Code::unavailable);
  CHECK(status.message().find("20 ms") != std::string::npos);
  leave = true;
  CHECK(app.wait().ok());
}

TEST_CASE("two applications in one process do not disturb each other") {
  const klamm::Topology topology = sums();
  klamm::App one{topology, {.log = klamm::in_memory(), .application_id = "one", .log_sink = quiet}};
  klamm::App two{topology, {.log = klamm::in_memory(), .application_id = "two", .log_sink = quiet}};
  REQUIRE(one.start().ok());
  REQUIRE(two.start().ok());
  CHECK(one.producer(in).send("k", 5).ok());
  CHECK(one.drain(10s) == true);
  CHECK(two.drain(10s) == true);
  CHECK(one.query(by_remainder).get<std::int64_t>(5) == std::optional<std::int64_t>{5});
  CHECK(two.query(by_remainder).get<std::int64_t>(5) == std::optional<std::int64_t>{});
}

TEST_CASE("tasks move to idle workers, and their state with them") {
  // All records go to few of many tasks; whoever has two busy ones gives one away.
  klamm::Topology topology{"moves"};
  topology.stream(in).group_by_key().count("n");
  klamm::App app{topology, {.log = klamm::in_memory(), .threads = 2, .partitions = 4, .commit_interval = 5ms, .log_sink = quiet}};
  REQUIRE(app.start().ok());
  const auto producer = app.producer(in);
  for (int round = 0; round < 60; ++round) {
    for (int i = 0; i < 200; ++i) CHECK(producer.send("k" + std::to_string(i % 40), i, {.partition = (i % 2) * 2}).ok());
    std::this_thread::sleep_for(5ms);
  }
  CHECK(app.drain(30s) == true);
  auto rows = app.query<std::int64_t>("n").all<std::string>();
  REQUIRE(rows.ok());
  std::int64_t sum = 0;
  for (const auto& row : *rows) sum += row.value;
  CHECK(sum == 60 * 200);
}

namespace {

/// Records go round the keys of a partition, so the counts of any prefix of them never grow from one key to the next, nor fall by more
/// than one over all: nothing else is the state as of a commit.
bool of_a_prefix(const std::vector<std::int64_t>& counts) {
  for (std::size_t i = 1; i < counts.size(); ++i) {
    if (counts[i] > counts[i - 1]) return false;
  }
  return counts.empty() || counts.front() - counts.back() <= 1;
}

struct Load {
  klamm::App& app;
  int partitions, keys;
  std::atomic<bool> stop{false};
  std::atomic<int> gets{0}, scans{0}, wrong{0};

  [[nodiscard]] std::string key(int partition, int i) const { return "p" + std::to_string(partition) + "-" + std::to_string(1000 + i); }
  void feed(int rounds) {
    const auto producer = app.producer(in);
    for (int round = 0; round < rounds || gets < 200 || scans < 50; ++round) {
      // First few partitions have work, then others: tasks move to idle workers.
      for (int p = 0; p < partitions; p += round / 20 % 2 + 1) {
        for (int i = 0; i < keys; ++i) {
          if (!producer.send(key(p, i), round, {.partition = p}).ok()) return;
        }
      }
    }
  }
  /// Ok, or counted as wrong if it may not be said of a running application.
  bool fine(const klamm::Status& status) {
    if (!status.ok() && status.code() != klamm::Code::unavailable) ++wrong;
    return status.ok();
  }
  void get() {
    const auto query = app.query<std::int64_t>("n");
    for (int i = 0; !stop; ++i) {
      const std::string first = key(i % partitions, 0), last = key(i % partitions, keys - 1);
      const auto later = query.get(last), earlier = query.get(first);
      if (!fine(later.status()) || !fine(earlier.status())) continue;
      if (later->value_or(0) > earlier->value_or(0)) ++wrong;
      ++gets;
    }
  }
  void scan() {
    const auto query = app.query<std::int64_t>("n");
    for (int i = 0; !stop; ++i) {
      const int p = i % partitions;
      auto rows = i % 2 == 0 ? query.prefix("p" + std::to_string(p)) : query.range(key(p, 0), key(p, keys));
      if (!fine(rows.status())) continue;
      std::vector<std::int64_t> counts;
      for (const auto& row : *rows) counts.push_back(row.value);
      if (!rows->status().ok() || !of_a_prefix(counts) || (!counts.empty() && counts.front() > 1 && counts.size() != std::size_t(keys)))
        ++wrong;
      ++scans;
      if (i % 8 == 0) {
        const auto count = query.count();
        if (fine(count.status()) && *count > std::int64_t{partitions} * keys) ++wrong;
      }
    }
  }
};

void check_queries(const klamm::LogChoice& log) {
  klamm::Topology topology{"asked"};
  topology.stream(in).group_by_key().count("n");
  klamm::App app{topology,
                 {.log = log,
                  .threads = 3,
                  .partitions = 4,
                  .commit_interval = 3ms,
                  .checkpoint_interval = 10ms,
                  .checkpoint_bytes = 4096,
                  .log_sink = quiet}};
  REQUIRE(app.start().ok());
  Load load{app, 4, 40};
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) threads.emplace_back([&load] { load.get(); });
  for (int i = 0; i < 2; ++i) threads.emplace_back([&load] { load.scan(); });
  load.feed(60);
  CHECK(app.drain(60s) == true);
  CHECK(app.stop(30s).ok());  // under queries
  load.stop = true;
  for (auto& thread : threads) thread.join();
  CHECK(load.wrong == 0);
}

}  // namespace

TEST_CASE("queries see each partition as of one commit, while it works, tasks move, and the application stops: in memory") {
  check_queries(klamm::in_memory());
}

TEST_CASE("queries see each partition as of one commit, while it works, tasks move, and the application stops: on files") {
  const klamm::testing::TemporaryDirectory directory;
  check_queries(klamm::embedded(directory.path()));
}
