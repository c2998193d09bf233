// The memory of all tables of an application: bounded, shared, and shown.
#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <thread>

#include "klamm/app.hpp"
#include "klamm/klamm.hpp"
#include "support/temporary_directory.hpp"

using namespace std::chrono_literals;

namespace {

const klamm::Topic<std::string, std::int64_t> in{"in"};

void quiet(klamm::Level, std::string_view, std::string_view, std::span<const klamm::Field>) {}

klamm::Topology counted() {
  klamm::Topology topology{"counted"};
  auto stream = topology.stream(in);
  stream.group_by_key().count("by-key");
  stream.group_by([](std::int64_t v) { return v; }).count("by-value");
  return topology;
}

}  // namespace

TEST_CASE("tables larger than the budget: memory stays within it, results are right, and so they are after a restart") {
  constexpr std::size_t budget = std::size_t{3} << 20;
  constexpr std::int64_t keys = 40'000;  // twice some 2 MB in memory, each
  const klamm::testing::TemporaryDirectory directory;
  const klamm::Topology topology = counted();
  for (std::int64_t run = 1; run <= 2; ++run) {
    klamm::App app{topology,
                   {.log = klamm::embedded(directory.path()),
                    .threads = 2,
                    .partitions = 4,
                    .commit_interval = 20ms,
                    .memory_bytes = budget,
                    .log_sink = quiet}};
    REQUIRE(app.start().ok());
    const auto producer = app.producer(in);
    std::size_t most = 0;
    for (std::int64_t i = 0; i < keys; ++i) {
      REQUIRE(producer.send("some-longer-key-" + std::to_string(i), i).ok());
      if (i % 1'000 != 0) continue;
      std::size_t sum = 0;
      for (const klamm::StoreStatus& store : app.status().stores) sum += store.memory_bytes;
      most = std::max(most, sum);
    }
    CHECK(app.drain(60s) == true);
    CHECK(most < budget / 5 * 6);
    std::this_thread::sleep_for(400ms);
    const auto status = app.status();
    REQUIRE(status.stores.size() == 8);
    std::uint64_t evicted = 0;
    std::size_t limits = 0;
    for (const klamm::StoreStatus& store : status.stores) {
      CHECK((store.store == "by-key" || store.store == "by-value"));
      evicted += store.evicted;
      limits += store.memory_limit;
    }
    CHECK(evicted > 0);
    CHECK(limits <= budget);
    for (std::int64_t i = 0; i < keys; i += 997) {
      CHECK(app.query<std::int64_t>("by-key").get("some-longer-key-" + std::to_string(i)) == std::optional<std::int64_t>{run});
      CHECK(app.query<std::int64_t>("by-value").get(i) == std::optional<std::int64_t>{run});
    }
    CHECK(app.query<std::int64_t>("by-key").count() == keys);
    CHECK(app.query<std::int64_t>("by-value").count() == keys);
    CHECK(app.stop(30s).ok());
  }
}

TEST_CASE("a budget that can't be kept is refused at the start") {
  const klamm::testing::TemporaryDirectory directory;
  const klamm::Topology topology = counted();
  klamm::App in_memory{topology, {.log = klamm::in_memory(), .memory_bytes = 1 << 30, .log_sink = quiet}};
  const klamm::Status no_files = in_memory.start();
  CHECK(no_files.code() == klamm::Code::invalid_argument);
  CHECK(no_files.message().find("memory_bytes: rows leave memory for files, and klamm::in_memory() has none") != std::string::npos);
  klamm::App small{topology, {.log = klamm::embedded(directory.path()), .partitions = 4, .memory_bytes = 100'000, .log_sink = quiet}};
  const klamm::Status too_small = small.start();
  CHECK(too_small.code() == klamm::Code::invalid_argument);
  CHECK_MESSAGE(too_small.message().find("100000 for 8 stores (one for each table and partition): they need 1048576") != std::string::npos,
                too_small.message());
  klamm::App unlimited{topology, {.log = klamm::in_memory(), .memory_bytes = 0, .log_sink = quiet}};
  CHECK(unlimited.start().ok());
}
