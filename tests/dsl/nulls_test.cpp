#include "support.hpp"

using namespace klamm::testing;

namespace {
using Mixed = klamm::Topic<std::optional<std::string>, std::string>;
using Optional = klamm::Topic<std::string, std::optional<std::string>>;
}  // namespace

TEST_CASE("a null key passes functions that take the value only, and sinks write null again") {
  klamm::Topology t{"app"};
  t.stream(in).filter([](const std::string& v) { return v != "-"; }).to(out);
  klamm::TestDriver d{t};
  auto sink = d.output(out);
  CHECK(d.input(in).send("v").ok());
  CHECK(d.input(in).send("", "empty").ok());
  CHECK(take(sink) == "~=v =empty");
}

TEST_CASE("a function that takes the key sends a record without one to the error policy") {
  klamm::Topology t{"app"};
  t.stream(in).filter([](const std::string&, const std::string&) { return true; }, klamm::as("keyed")).to(out);
  t.stream(other).peek([](const std::string&, const std::string&) {}).to(out);
  klamm::TestDriver skipping{t, {.on_error = klamm::skip()}};
  auto sink = skipping.output(out);
  CHECK(skipping.input(in).send("v").ok());
  CHECK(skipping.input(in).send("k", "w").ok());
  CHECK(skipping.input(other).send("x").ok());
  CHECK(take(sink) == "k=w");
  CHECK(skipping.counters().skipped == 2);
  klamm::TestDriver failing{t};
  const klamm::Status status = failing.input(in).send("v");
  CHECK_MESSAGE(status.message().find("operator \"keyed\"") != std::string::npos, status.message());
}

TEST_CASE("whatever needs the key drops and counts a record without one") {
  klamm::Topology t{"app"};
  t.stream(in).group_by_key().count("n").to(counts);
  t.stream(in).to_table("last").to(out);
  const auto table = t.table(other);
  t.stream(in).join(table, [](const std::string& v, const std::string& w) { return v + w; }).to(Text{"joined"});
  klamm::TestDriver d{t};
  auto counted = d.output(counts);
  CHECK(d.input(other).send("a table's record without a key").ok());
  CHECK(d.counters().dropped == 1);
  CHECK(d.input(in).send("v").ok());
  CHECK(d.counters().dropped == 4);
  CHECK(d.input(in).send("k", "v").ok());
  CHECK(take(counted) == "k=1");
}

TEST_CASE("a new key makes a record without one whole") {
  klamm::Topology t{"app"};
  t.stream(in).select_key(first_letter).to(out);
  t.stream(in).map([](const std::string& v) { return klamm::KeyValue{v, v}; }).to(out);
  t.stream(in).group_by(first_letter).count("n").to(counts);
  klamm::TestDriver d{t};
  auto sink = d.output(out);
  auto counted = d.output(counts);
  CHECK(d.input(in).send("v1").ok());
  CHECK(take(sink) == "v=v1 v1=v1");
  CHECK(take(counted) == "v=1");
}

TEST_CASE("optional keys are for topics that have both") {
  klamm::Topology t{"app"};
  const Mixed mixed{"mixed"};
  t.stream(mixed).filter([](const std::optional<std::string>& k, const std::string&) { return !k; }).to(Mixed{"without"});
  t.stream(mixed).group_by_key().count("n").to(klamm::Topic<std::optional<std::string>, std::int64_t>{"n"});
  klamm::TestDriver d{t};
  auto without = d.output(Mixed{"without"});
  auto n = d.output(klamm::Topic<std::optional<std::string>, std::int64_t>{"n"});
  CHECK(d.input(mixed).send_raw(std::nullopt, "a").ok());
  CHECK(d.input(mixed).send_raw("k", "b").ok());
  CHECK(take(without) == "~=a");
  CHECK(take(n) == "k=1");
  CHECK(d.counters().dropped == 1);
}

TEST_CASE("a null value is dropped and counted, unless the topic's values are optional") {
  klamm::Topology t{"app"};
  t.stream(in).to(out);
  t.stream(Optional{"optional"}).to(Optional{"nulls"});
  klamm::TestDriver d{t};
  auto plain = d.output(out);
  auto nulls = d.output(Optional{"nulls"});
  CHECK(d.input(in).send_tombstone("k").ok());
  CHECK(d.input(in).send("k", "v").ok());
  CHECK(d.input(Optional{"optional"}).send_tombstone("k").ok());
  CHECK(d.input(Optional{"optional"}).send("k", "v").ok());
  CHECK(take(plain) == "k=v");
  CHECK(take(nulls) == "k=~ k=v");
  CHECK(d.counters().dropped == 1);
}

TEST_CASE("aggregations of optional values drop and count null ones, and see plain values") {
  klamm::Topology t{"app"};
  auto grouped = t.stream(Optional{"optional"}).group_by_key();
  grouped.count("n").to(counts);
  grouped.reduce("longest", [](const std::string& a, const std::string& b) { return a.size() < b.size() ? b : a; }).to(out);
  grouped
      .aggregate(klamm::table<std::int64_t>("sizes").fold(
          [](std::int64_t& sum, const std::string& v) { sum += static_cast<std::int64_t>(v.size()); }))
      .to(numbers);
  klamm::TestDriver d{t};
  auto n = d.output(counts), sizes = d.output(numbers);
  auto longest = d.output(out);
  auto source = d.input(Optional{"optional"});
  CHECK(source.send("k", "ab").ok());
  CHECK(source.send_tombstone("k").ok());
  CHECK(source.send("k", "c").ok());
  CHECK(take(n) == "k=1 k=2");
  CHECK(take(longest) == "k=ab k=ab");
  CHECK(take(sizes) == "k=2 k=3");
  CHECK(d.counters().dropped == 3);
}

TEST_CASE("sinks of topics without keys write null keys") {
  klamm::Topology t{"app"};
  t.stream(in).to(klamm::Topic<klamm::NoKey, std::string>{"lines"});
  klamm::TestDriver d{t};
  auto lines = d.output(klamm::Topic<std::string, std::string>{"lines"});
  CHECK(d.input(in).send("k", "v").ok());
  CHECK(take(lines) == "~=v");
}
