// The test driver as its users use it.
#include <doctest/doctest.h>

#include <chrono>
#include <string>

#include "klamm/klamm.hpp"
#include "klamm/test_driver.hpp"

using namespace std::chrono_literals;

namespace {

const klamm::Topic<std::string, std::int64_t> in{"in"}, out{"out"};
const klamm::Topic<klamm::NoKey, std::string> lines{"lines"};

}  // namespace

TEST_CASE("outputs come in order, with key, value, time and partition") {
  klamm::Topology topology{"t"};
  topology.stream(in).map([](std::int64_t v) { return v + 1; }).to(out);
  klamm::TestDriver t{topology, {.partitions = 3, .start = klamm::Timestamp{1000}}};
  auto source = t.input(in);
  auto sink = t.output(out);
  CHECK(source.send("a", 1, klamm::at(5s)).ok());
  CHECK(source.send("a", 2).ok());
  t.advance_wall_clock(1min);
  CHECK(source.send("a", 3).ok());
  const auto records = sink.read();
  REQUIRE(records.size() == 3);
  CHECK(records[0].timestamp == klamm::Timestamp{5000});
  CHECK(records[1].timestamp == klamm::Timestamp{1000});
  CHECK(records[2].timestamp == klamm::Timestamp{61'000});
  CHECK(records[0].partition == records[1].partition);
  CHECK(sink.read().empty());
  CHECK(t.now() == klamm::Timestamp{61'000});
}

TEST_CASE("records of a key meet in one partition behind a repartition topic") {
  klamm::Topology topology{"t"};
  topology.stream(lines).group_by([](const std::string& line) { return line.substr(0, 1); }).count("n");
  klamm::TestDriver t{topology, {.partitions = 5}};
  auto source = t.input(lines);
  for (int i = 0; i < 100; ++i)
    CHECK(source.send_raw({}, std::string(1, static_cast<char>('a' + i % 10)) + std::to_string(i), {}, {}, i % 5).ok());
  auto table = t.table<std::string, std::int64_t>("n");
  CHECK(table.all().size() == 10);
  for (char c = 'a'; c < 'k'; ++c) CHECK(table.get(std::string(1, c)) == 10);
}

TEST_CASE("without a commit a crash does the work again, and outputs show it once") {
  klamm::Topology topology{"t"};
  topology.stream(in).group_by_key().count("n").to(out);
  klamm::TestDriver t{topology, {.commit_each_send = false}};
  auto source = t.input(in);
  auto sink = t.output(out);
  CHECK(source.send("a", 1).ok());
  CHECK(t.commit().ok());
  CHECK(source.send("a", 1).ok());
  CHECK(sink.read() == sink.records({{"a", 1}}));
  t.restart(klamm::Disk::kept);
  CHECK(t.commit().ok());
  CHECK(sink.read() == sink.records({{"a", 2}}));
  t.restart(klamm::Disk::lost);
  CHECK(source.send("a", 1).ok());
  CHECK(t.commit().ok());
  CHECK(sink.read() == sink.records({{"a", 3}}));
}

TEST_CASE("tombstones and null keys can be sent and read") {
  klamm::Topology topology{"t"};
  topology.table(in, "table").to_stream().to(klamm::Topic<std::string, std::optional<std::int64_t>>{"changes"});
  klamm::TestDriver t{topology};
  auto source = t.input(in);
  auto sink = t.output(klamm::Topic<std::string, std::optional<std::int64_t>>{"changes"});
  CHECK(source.send("a", 1).ok());
  CHECK(source.send_tombstone("a").ok());
  CHECK(source.send(5).ok());
  CHECK(sink.read() == sink.records({{"a", 1}, {"a", std::nullopt}}));
  CHECK(t.table<std::string, std::int64_t>("table").get("a") == std::nullopt);
  CHECK(t.counters().dropped == 1);
}

TEST_CASE("a topic that the topology does not know is an error that names it") {
  klamm::Topology topology{"t"};
  topology.stream(in).to(out);
  klamm::TestDriver t{topology};
  const klamm::Status status = t.input(lines).send("x");
  CHECK(status.code() == klamm::Code::not_found);
  CHECK(status.message().find("lines") != std::string::npos);
}

TEST_CASE("feed runs a batch past the log") {
  klamm::Topology topology{"t"};
  std::int64_t sum = 0;
  topology.stream(in).for_each([&sum](std::int64_t v) { sum += v; });
  klamm::TestDriver t{topology};
  klamm::Bytes value;
  klamm::serde<std::int64_t>::encode(21, value);
  const klamm::RawMessage message{.key = {}, .value = value, .timestamp = klamm::Timestamp{1}, .offset = 0};
  const klamm::RawMessage batch[] = {message, message};
  CHECK(t.feed(in, batch).ok());
  CHECK(sum == 42);
}
