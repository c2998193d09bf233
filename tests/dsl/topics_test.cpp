#include "klamm/serde/protobuf.hpp"
#include "klamm/topology.pb.h"
#include "support.hpp"

using namespace klamm::testing;

namespace {

/// Upper case in the log, lower case in the program. Counts what it did, so it is not const; each task has its own.
struct Loud {
  int used = 0;
  static char to(char c, char from_first, char to_first) {
    return c >= from_first && c < from_first + 26 ? static_cast<char>(c - from_first + to_first) : c;
  }
  void encode(const std::string& v, klamm::Bytes& bytes) {
    ++used;
    for (const char c : v) bytes.push_back(static_cast<std::byte>(to(c, 'a', 'A')));
  }
  klamm::Decoded decode(klamm::BytesView bytes, std::string& slot) {
    ++used;
    slot.clear();
    for (const std::byte b : bytes) slot += to(static_cast<char>(b), 'A', 'a');
    return slot == "bad" ? klamm::malformed("bad") : klamm::Decoded{};
  }
};

}  // namespace

TEST_CASE("serde objects of a topic are used for reading and for writing") {
  klamm::Topology t{"app"};
  const Text loud = Text{"loud"}.serde(Loud{}, Loud{}), loud_out = Text{"loud-out"}.serde(Loud{}, Loud{});
  t.stream(loud).to(out);
  t.stream(in).to(loud_out);
  t.table(loud).to(Text{"loud-table"}.serde(Loud{}, Loud{}));
  klamm::TestDriver d{t};
  auto quiet = d.output(out), written = d.output(Text{"loud-out"}), table = d.output(Text{"loud-table"});
  CHECK(d.input(Text{"loud"}).send("K", "HELLO").ok());
  CHECK(d.input(in).send("k", "hello").ok());
  CHECK(take(quiet) == "k=hello");
  CHECK(take(written) == "K=HELLO");
  CHECK(take(table) == "K=HELLO");
  CHECK(d.table<std::string, std::string>("loud").get("k") == "hello");  // stores use the trait
}

TEST_CASE("serde objects write tombstones and null keys as nulls") {
  klamm::Topology t{"app"};
  t.table(in).to(Text{"table"}.serde(Loud{}, Loud{}));
  t.stream(other).to(out.serde(Loud{}, Loud{}));
  klamm::TestDriver d{t};
  auto table = d.output(klamm::Topic<std::string, std::optional<std::string>>{"table"});
  auto sink = d.output(out);
  CHECK(d.input(in).send_tombstone("k").ok());
  CHECK(d.input(other).send("v").ok());
  CHECK(take(table) == "K=~");
  CHECK(take(sink) == "~=V");
}

TEST_CASE("what can't be decoded goes to the error policy, and so does what can't be encoded") {
  klamm::Topology t{"app"};
  t.stream(in.serde(Loud{}, Loud{})).to(out.serde(Discreet{}, Discreet{}), klamm::as("careful"));
  klamm::TestDriver skipping{t, {.on_error = klamm::skip()}};
  auto sink = skipping.output(out);
  for (const char* v : {"A", "BAD", "SECRET", "B"}) CHECK(skipping.input(in).send("k", v).ok());
  CHECK(take(sink) == "k=a k=b");
  CHECK(skipping.counters().skipped == 2);
  klamm::TestDriver failing{t};
  const klamm::Status status = failing.input(in).send("k", "SECRET");
  CHECK_MESSAGE(status.message().find("operator \"careful\"") != std::string::npos, status.message());
  CHECK_MESSAGE(status.message().find("it is a secret") != std::string::npos, status.message());
}

TEST_CASE("the topic's extractor gives the time of a record; a tombstone keeps the log's; a negative time is dropped") {
  klamm::Topology t{"app"};
  using Optional = klamm::Topic<std::string, std::optional<std::string>>;
  const auto timed =
      Optional{"in"}.timestamp([](const std::string& v) { return v == "no" ? std::int64_t{-1} : static_cast<std::int64_t>(v.size()); });
  t.stream(timed).to(Optional{"out"});
  klamm::TestDriver d{t};
  auto sink = d.output(Optional{"out"});
  CHECK(d.input(in).send("k", "four", ms(99)).ok());
  CHECK(d.input(in).send("k", "no", ms(99)).ok());
  CHECK(d.input(Optional{"in"}).send_tombstone("k", ms(99)).ok());
  CHECK(take_timed(sink) == "k=four@4 k=~@99");
  CHECK(d.counters().dropped == 1);
}

TEST_CASE("an extractor that takes the key sends a record without one to the error policy") {
  klamm::Topology t{"app"};
  t.stream(in.timestamp([](const std::string& k, const std::string&) {
     return klamm::Timestamp{static_cast<std::int64_t>(k.size())};
   })).to(out);
  klamm::TestDriver d{t, {.on_error = klamm::skip()}};
  auto sink = d.output(out);
  CHECK(d.input(in).send("v", ms(9)).ok());
  CHECK(d.input(in).send("key", "v", ms(9)).ok());
  CHECK(take_timed(sink) == "key=v@3");
  CHECK(d.counters().skipped == 1);
}

TEST_CASE("through writes to a topic and goes on from it") {
  klamm::Topology t{"app"};
  t.stream(in).map([](std::string v) { return v + "1"; }).through(Text{"between"}).map([](std::string v) { return v + "2"; }).to(out);
  klamm::TestDriver d{t};
  auto between = d.output(Text{"between"}), sink = d.output(out);
  CHECK(d.input(in).send("k", "v", ms(5)).ok());
  CHECK(take_timed(between) == "k=v1@5");
  CHECK(take_timed(sink) == "k=v12@5");
}

TEST_CASE("protobuf messages are values, in streams, repartition topics and stores") {
  using Message = klamm::pb::SubTopology;
  const klamm::Topic<std::string, Message> messages{"messages"};
  klamm::Topology t{"app"};
  t.stream(messages)
      .filter([](const Message& m) { return m.number() > 0; })
      .group_by([](const Message& m) { return std::string{m.name()}; })
      .aggregate(klamm::table<Message>("sums").fold([](Message& sum, const Message& m) { sum.set_number(sum.number() + m.number()); }))
      .map([](const Message& m) { return std::int64_t{m.number()}; })
      .to(counts);
  REQUIRE(t.describe().find("store sums: string -> protobuf:klamm.pb.SubTopology") != std::string::npos);
  klamm::TestDriver d{t, {.on_error = klamm::skip()}};
  auto sink = d.output(counts);
  for (const int n : {3, 0, 4}) {
    Message m;
    m.set_name("a");
    m.set_number(n);
    CHECK(d.input(messages).send("k", m).ok());
  }
  CHECK(d.input(messages).send_raw("k", "\xff\xff").ok());
  CHECK(take(sink) == "a=3 a=7");
  CHECK(d.counters().skipped == 1);
}
