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
  for (const char* part : {"topic \"in\"", "partition 0", "offset 1", "operator \"double-it\"", "negative amount -5", "klamm::skip()"})
    CHECK(has(status, part));
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

TEST_CASE("dead letters carry the original bytes and say where and why, in the same commit") {
  const klamm::Topology topology = doubled();
  klamm::TestDriver t{topology, {.on_error = klamm::dead_letter("dead"), .partitions = 2}};
  auto source = t.input(in);
  auto dead = t.output(klamm::Topic<std::string, std::string>{"dead"});
  klamm::Bytes headers;
  klamm::Headers::append(headers, {"trace", klamm::detail::view_of("7")});
  CHECK(source.send_raw("key", "no number", klamm::at(klamm::Timestamp{77}), headers, 1).ok());
  CHECK(source.send("b", -5).ok());
  const auto records = dead.read_raw();
  REQUIRE(records.size() == 2);
  const auto header = [](const klamm::detail::RawOutput& record, const char* name) {
    const klamm::BytesView value = klamm::Headers{klamm::detail::view_of(record.headers)}.find(name);
    return std::string{reinterpret_cast<const char*>(value.data()), value.size()};
  };
  const auto& undecodable = records[0].value == "no number" ? records[0] : records[1];
  const auto& thrown = records[0].value == "no number" ? records[1] : records[0];
  CHECK(undecodable.key == "key");
  CHECK(undecodable.timestamp == klamm::Timestamp{77});
  CHECK(undecodable.partition == 1);
  CHECK(header(undecodable, "trace") == "7");
  CHECK(header(undecodable, "klamm.error.topic") == "in");
  CHECK(header(undecodable, "klamm.error.partition") == "1");
  CHECK(header(undecodable, "klamm.error.offset") == "0");
  CHECK(header(undecodable, "klamm.error.stage") == "decode");
  CHECK(thrown.key == "b");
  CHECK(header(thrown, "klamm.error.operator") == "double-it");
  CHECK(header(thrown, "klamm.error.reason").find("negative amount -5") != std::string::npos);
  CHECK(t.counters().skipped == 2);
  t.restart(klamm::Disk::lost);
  CHECK(dead.read_raw().empty());  // committed once
}

TEST_CASE("a custom policy sees the record and decides; each step may have its own") {
  const klamm::Topology topology = doubled();
  std::string seen;
  const auto decide = [&seen](const klamm::FailedRecord& r) {
    seen += std::string{r.topic} + '/' + std::to_string(r.offset) + ' ' + std::string{r.op} + ';';
    return r.offset == 0 ? klamm::Verdict::skip : r.offset == 1 ? klamm::Verdict::dead_letter : klamm::Verdict::fail;
  };
  klamm::TestDriver t{topology, {.on_process_error = klamm::custom(decide, "dead")}};
  auto dead = t.output(klamm::Topic<std::string, std::int64_t>{"dead"});
  CHECK(t.input(in).send("a", -1).ok());
  CHECK(t.input(in).send("b", -2).ok());
  CHECK(dead.read() == dead.records({{"b", -2}}));
  const klamm::Status status = t.input(in).send("c", -3);
  CHECK(has(status, "custom error policy decided"));
  CHECK(seen == "in/0 double-it;in/1 double-it;in/2 double-it;");

  klamm::TestDriver decoding{topology, {.on_decode_error = klamm::skip()}};
  CHECK(decoding.input(in).send_raw("garbage").ok());
  CHECK(!decoding.input(in).send("a", -1).ok());

  klamm::TestDriver throwing{
      topology,
      {.on_error = klamm::custom([](const klamm::FailedRecord&) -> klamm::Verdict { throw std::runtime_error{"policy broke"}; })}};
  CHECK(has(throwing.input(in).send("a", -1), "policy broke"));
  klamm::TestDriver nowhere{topology, {.on_error = klamm::custom([](const klamm::FailedRecord&) { return klamm::Verdict::dead_letter; })}};
  CHECK(has(nowhere.input(in).send("a", -1), "none is named"));
}

namespace {

/// A serde whose service can be away.
struct Remote {
  bool* away;
  klamm::Decoded decode(klamm::BytesView bytes, std::string& slot) const {
    if (*away) return klamm::unavailable("registry does not answer");
    return klamm::serde<std::string>::decode(bytes, slot);
  }
  void encode(const std::string& value, klamm::Bytes& bytes) const { klamm::serde<std::string>::encode(value, bytes); }
};

}  // namespace

TEST_CASE("a serde whose service is away is asked again, and no record is skipped or seen twice") {
  bool away = false;
  const auto remote = klamm::Topic<std::string, std::string>{"remote"}.serde(Remote{&away}, Remote{&away});
  klamm::Topology topology{"away"};
  std::string first, second;
  topology.stream(klamm::Topic<std::string, std::string>{"plain"}).for_each([](const std::string&) {});
  topology.stream(remote).for_each([&first](const std::string& v) { first += v; });
  topology.stream(remote).for_each([&second](const std::string& v) { second += v; });
  klamm::TestDriver t{topology, {.on_error = klamm::skip()}};
  auto source = t.input(klamm::Topic<std::string, std::string>{"remote"});
  CHECK(source.send("k", "a").ok());
  away = true;
  CHECK(source.send("k", "b").ok());
  CHECK(source.send("k", "c").ok());
  CHECK(first == "a");
  t.advance_wall_clock(klamm::Duration{1000});
  CHECK(first == "a");
  away = false;
  t.advance_wall_clock(klamm::Duration{1000});
  CHECK(first == "abc");
  CHECK(second == "abc");
  CHECK(t.counters().skipped == 0);
}

namespace {

/// A serde that throws on one value.
struct Throwing {
  std::int64_t bad;
  klamm::Decoded decode(klamm::BytesView bytes, std::int64_t& slot) const {
    const klamm::Decoded decoded = klamm::serde<std::int64_t>::decode(bytes, slot);
    if (slot == bad) throw std::runtime_error{"registry broke"};
    return decoded;
  }
  void encode(std::int64_t value, klamm::Bytes& bytes) const {
    if (value == 13) throw std::runtime_error{"thirteen"};
    klamm::serde<std::int64_t>::encode(value, bytes);
  }
};

/// A type whose serde throws.
struct Fragile {
  std::int64_t value = 0;
};

}  // namespace

template <> struct klamm::serde<Fragile> {
  static void encode(const Fragile& f, Bytes& bytes) { klamm::serde<std::int64_t>::encode(f.value, bytes); }
  static Decoded decode(BytesView bytes, Fragile& f) {
    const Decoded decoded = klamm::serde<std::int64_t>::decode(bytes, f.value);
    if (f.value % 100 == 7) throw std::runtime_error{"seven"};
    return decoded;
  }
};

TEST_CASE("a serde that throws costs its own record, and no other") {
  const klamm::Topic<std::string, Fragile> fragile{"fragile"};
  klamm::Topology topology{"throwing"};
  std::int64_t seen = 0;
  topology.stream(fragile).for_each([&seen](const Fragile&) { ++seen; });
  klamm::TestDriver t{topology, {.on_error = klamm::skip()}};
  std::vector<klamm::Bytes> values(500);
  std::vector<klamm::RawMessage> batch;
  const klamm::Bytes key(1);
  for (std::size_t i = 0; i < values.size(); ++i) {
    klamm::serde<std::int64_t>::encode(static_cast<std::int64_t>(i), values[i]);
    batch.push_back({.key = key, .value = values[i], .timestamp = klamm::Timestamp{1}, .offset = static_cast<std::int64_t>(i)});
  }
  CHECK(t.feed(fragile, batch).ok());
  CHECK(seen == 495);
  CHECK(t.counters().skipped == 5);

  klamm::TestDriver failing{topology};
  CHECK(failing.input(fragile).send("k", Fragile{1}).ok());
  const klamm::Status status = failing.input(fragile).send("k", Fragile{7});
  for (const char* part : {"offset 1", "seven", "serde"}) CHECK_MESSAGE(has(status, part), status.message());
}

TEST_CASE("inputs and outputs of a test use the topic's own serde, and say what can't be written") {
  const auto topic = klamm::Topic<std::string, std::int64_t>{"own"}.serde(klamm::serde<std::string>{}, Throwing{5});
  klamm::Topology topology{"own-serde"};
  topology.stream(topic).to(out);
  klamm::TestDriver t{topology, {.on_error = klamm::skip()}};
  CHECK(has(t.input(topic).send("k", 13), "thirteen"));
  CHECK(t.input(topic).send("k", 5).ok());
  CHECK(t.counters().skipped == 1);
}

TEST_CASE("what a fold has changed before it threw is taken back under skip") {
  klamm::Topology topology{"half"};
  const auto sums = klamm::table<std::int64_t>("sums").fold([](std::int64_t& sum, std::int64_t v) {
    sum += v;
    if (v < 0) throw std::runtime_error{"negative"};
  });
  topology.stream(in).group_by_key().aggregate(sums).to(out);
  klamm::TestDriver t{topology, {.on_error = klamm::skip()}};
  auto sink = t.output(out);
  for (const std::int64_t v : {10, -1, 5}) CHECK(t.input(in).send("k", v).ok());
  CHECK(t.input(in).send("new", -4).ok());
  CHECK(t.input(in).send("new", 4).ok());
  CHECK(sink.read() == sink.records({{"k", 10}, {"k", 15}, {"new", 4}}));
}
