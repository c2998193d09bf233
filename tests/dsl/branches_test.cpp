#include "support.hpp"

using namespace klamm::testing;

TEST_CASE("a chain with a name runs once, and each use gets the records as they are there") {
  klamm::Topology t{"app"};
  int runs = 0;
  auto named = t.stream(in).mutate([&runs](std::string& v) {
    ++runs;
    v += '.';
  });
  named.mutate([](std::string& v) { v += "first"; }).to(out);
  auto middle = named.filter([](const std::string&) { return true; });  // only reads, but its consumer writes
  middle.mutate([](std::string& v) { v += "second"; }).to(out);
  named.to(other);
  klamm::TestDriver d{t};
  auto both = d.output(out), plain = d.output(other);
  CHECK(d.input(in).send("k", "a").ok());
  CHECK(runs == 1);
  CHECK(take(both) == "k=a.first k=a.second");
  CHECK(take(plain) == "k=a.");
}

TEST_CASE("a branch that changes the key or takes the value away leaves the others alone") {
  klamm::Topology t{"app"};
  auto named = t.stream(in);
  named.select_key([](const std::string&) { return std::string{"new"}; }).to(out);
  named.map([](std::string&& v) { return std::move(v) + "taken"; }).to(out);
  named.map([](std::string v) { return static_cast<std::int64_t>(v.size()); }).to(counts);
  named.to(out);
  klamm::TestDriver d{t};
  auto sink = d.output(out);
  auto sizes = d.output(counts);
  CHECK(d.input(in).send("k", "a value that does not fit into a short string").ok());
  CHECK(take(sink) ==
        "new=a value that does not fit into a short string k=a value that does not fit into a short stringtaken "
        "k=a value that does not fit into a short string");
  CHECK(take(sizes) == "k=45");
}

TEST_CASE("branch sends each record to the first stream that likes it, else to the last") {
  klamm::Topology t{"app"};
  auto [a, b, rest] = t.stream(in).branch([](const std::string& v) { return v[0] == 'a'; }, [](const std::string& v) { return v != "c"; },
                                          klamm::as("letters"));
  a.to(out);
  b.to(other);
  rest.to(Text{"rest"});
  REQUIRE(t.check().empty());
  klamm::TestDriver d{t};
  auto sink_a = d.output(out), sink_b = d.output(other), sink_rest = d.output(Text{"rest"});
  for (const char* v : {"a", "b", "c", "ab"}) CHECK(d.input(in).send("k", v).ok());
  CHECK(take(sink_a) == "k=a k=ab");
  CHECK(take(sink_b) == "k=b");
  CHECK(take(sink_rest) == "k=c");
}

TEST_CASE("merge has the records of both streams, also of two branches and of itself") {
  klamm::Topology t{"app"};
  auto [a, rest] = t.stream(in).branch([](const std::string& v) { return v == "a"; });
  a.map([](const std::string& v) { return v + "1"; }).merge(rest).to(out);
  auto x = t.stream(other);
  x.merge(x).merge(t.stream(Text{"third"})).to(Text{"merged"});
  klamm::TestDriver d{t};
  auto sink = d.output(out), merged = d.output(Text{"merged"});
  for (const char* v : {"a", "b"}) CHECK(d.input(in).send("k", v).ok());
  CHECK(d.input(other).send("k", "x").ok());
  CHECK(d.input(Text{"third"}).send("k", "y").ok());
  CHECK(take(sink) == "k=a1 k=b");
  CHECK(take(merged) == "k=x k=x k=y");
}

TEST_CASE("at a branch point each branch fails alone") {
  klamm::Topology t{"app"};
  auto named = t.stream(in);
  named.map([](const std::string& v) { return v.substr(3); }).to(out);  // throws on short values
  named.to(other);
  klamm::TestDriver d{t, {.on_error = klamm::skip()}};
  auto tails = d.output(out), all = d.output(other);
  CHECK(d.input(in).send("k", "ab").ok());
  CHECK(d.input(in).send("k", "abcd").ok());
  CHECK(take(tails) == "k=d");
  CHECK(take(all) == "k=ab k=abcd");
  CHECK(d.counters().skipped == 1);
}

TEST_CASE("a failed record names its topic, partition, offset and the operator that was at work") {
  klamm::Topology t{"app"};
  t.stream(in)
      .filter([](const std::string&) { return true; })
      .map([](const std::string& v) { return v.substr(3); }, klamm::as("tail"))
      .to(out);
  klamm::TestDriver d{t};
  CHECK(d.input(in).send("k", "abcd").ok());
  const klamm::Status status = d.input(in).send("k", "ab");
  CHECK_FALSE(status.ok());
  for (const char* part : {"topic \"in\"", "partition 0", "offset 1", "\"tail\""})
    CHECK_MESSAGE(status.message().find(part) != std::string::npos, status.message());
}

TEST_CASE("the operator at work is named behind branch points and tables too") {
  klamm::Topology t{"app"};
  auto named = t.stream(in);
  named.for_each([](const std::string&) {});
  named.group_by_key()
      .aggregate(klamm::table<std::string>("tails").fold([](std::string& tail, const std::string& v) { tail = v.substr(3); }))
      .upserts()
      .for_each([](const std::string&) {});
  klamm::TestDriver d{t};
  const klamm::Status status = d.input(in).send("k", "ab");
  CHECK_MESSAGE(status.message().find("operator \"tails\"") != std::string::npos, status.message());
}
