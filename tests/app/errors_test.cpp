// What happens to records that can't go on: the policy, the message, the counts.
#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

#include "klamm/klamm.hpp"
#include "klamm/test_driver.hpp"

namespace {

const klamm::Topic<std::string, std::int64_t> in{"in"}, out{"out"}, other{"other"};

std::int64_t strict(std::int64_t v) {
  if (v < 0) throw std::runtime_error{"negative amount " + std::to_string(v)};
  return v * 2;
}

klamm::Topology doubled() {
  klamm::Topology topology{"doubled"};
  topology.stream(in).filter([](std::int64_t v) { return v != 0; }).map(strict, klamm::as("double-it")).to(out);
  return topology;
}

bool has(const klamm::Status& status, const char* part) { return status.message().find(part) != std::string::npos; }

}  // namespace

TEST_CASE("fail stops at a record that throws, names everything, and commits nothing of it or behind it") {
  const klamm::Topology topology = doubled();
  klamm::TestDriver t{topology};
  auto source = t.input(in);
  auto sink = t.output(out);
  CHECK(source.send("a", 1).ok());
  const klamm::Status status = source.send("b", -5);
  CHECK(status.code() == klamm::Code::failed_record);
  for (const char* part : {"topic \"in\"", "partition 0", "offset 1", "operator \"double-it\"", "negative amount -5", "klamm::skip()"}) CHECK(has(status, part));
  CHECK(source.send("c", 3).code() == klamm::Code::failed_record);
  CHECK(sink.read() == sink.records({{"a", 2}}));
  t.restart(klamm::Disk::kept);  // meets it again
  CHECK(t.status().code() == klamm::Code::failed_record);
}

TEST_CASE("skip counts and goes on behind it") {
  const klamm::Topology topology = doubled();
  klamm::TestDriver t{topology, {.on_error = klamm::skip()}};
  auto source = t.input(in);
  auto sink = t.output(out);
  CHECK(source.send("a", 1).ok());
  CHECK(source.send("b", -5).ok());
  CHECK(source.send_raw("c", "no number").ok());
  CHECK(source.send("d", 4).ok());
  CHECK(sink.read() == sink.records({{"a", 2}, {"d", 8}}));
  CHECK(t.counters().skipped == 2);
  t.restart(klamm::Disk::lost);
  CHECK(t.status().ok());
  CHECK(t.counters().skipped == 2);  // they are behind the committed offset
}

TEST_CASE("at a branch point each branch fails alone") {
  klamm::Topology topology{"branches"};
  auto values = topology.stream(in).mutate([](std::int64_t& v) { v += 1; });
  values.map(strict).to(out);
  values.to(other);
  klamm::TestDriver t{topology, {.on_error = klamm::skip()}};
  auto source = t.input(in);
  auto first = t.output(out);
  auto second = t.output(other);
  CHECK(source.send("a", -5).ok());
  CHECK(source.send("b", 5).ok());
  CHECK(first.read() == first.records({{"b", 12}}));
  CHECK(second.read() == second.records({{"a", -4}, {"b", 6}}));
  CHECK(t.counters().skipped == 1);
}

TEST_CASE("a function that takes the key of a record without one is an error of that record") {
  klamm::Topology topology{"keys"};
  topology.stream(in).filter([](const std::string& key, std::int64_t) { return !key.empty(); }).to(out);
  klamm::TestDriver failing{topology};
  CHECK(has(failing.input(in).send(7), "the record has none"));
  klamm::TestDriver skipping{topology, {.on_error = klamm::skip()}};
  auto sink = skipping.output(out);
  CHECK(skipping.input(in).send(7).ok());
  CHECK(skipping.input(in).send("k", 8).ok());
  CHECK(sink.read() == sink.records({{"k", 8}}));
  CHECK(skipping.counters().skipped == 1);
}

TEST_CASE("null keys and null values that an operator's rules leave out are dropped, not errors") {
  klamm::Topology topology{"drops"};
  topology.stream(in).group_by_key().count("n");
  klamm::TestDriver t{topology};
  CHECK(t.input(in).send(7).ok());
  CHECK(t.input(in).send_tombstone("k").ok());
  CHECK(t.input(in).send("k", 8).ok());
  CHECK(t.counters().dropped == 2);
  CHECK(t.table<std::string, std::int64_t>("n").get("k") == 1);
}

TEST_CASE("a fold that throws leaves the other rows alone") {
  klamm::Topology topology{"folds"};
  const auto sums = klamm::table<std::int64_t>("sums").fold([](std::int64_t& sum, std::int64_t v) { sum += strict(v); });
  topology.stream(in).group_by_key().aggregate(sums).to(out);
  klamm::TestDriver t{topology, {.on_error = klamm::skip()}};
  auto sink = t.output(out);
  CHECK(t.input(in).send("a", 1).ok());
  CHECK(t.input(in).send("a", -1).ok());
  CHECK(t.input(in).send("b", -1).ok());
  CHECK(t.input(in).send("a", 2).ok());
  CHECK(sink.read() == sink.records({{"a", 2}, {"a", 6}}));
  CHECK(t.table<std::string>(sums).get("b") == std::nullopt);
}

TEST_CASE("a topology with problems does not run, and says all of them") {
  klamm::Topology topology{"wrong"};
  static_cast<void>(topology.stream(in).filter([](std::int64_t) { return true; }));
  klamm::TestDriver t{topology};
  CHECK(t.status().code() == klamm::Code::invalid_argument);
  CHECK(has(t.status(), "errors_test.cpp:"));
  CHECK(t.input(in).send("k", 1).code() == klamm::Code::invalid_argument);
}
