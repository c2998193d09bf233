#include "support.hpp"

using namespace klamm::testing;

namespace {
using Optional = klamm::Topic<std::string, std::optional<std::string>>;
const Optional changes{"changes"};
}  // namespace

TEST_CASE("count counts the records of each key, also under a new key, and by any way to name the table") {
  klamm::Topology t{"app"};
  t.stream(in).group_by_key().count("by-key").to(counts);
  t.stream(in).group_by(first_letter).count(klamm::table("by-letter")).to(numbers);
  klamm::TestDriver d{t};
  auto by_key = d.output(counts), by_letter = d.output(numbers);
  for (const char* v : {"ab", "ac", "b"}) CHECK(d.input(in).send("k", v).ok());
  CHECK(take(by_key) == "k=1 k=2 k=3");
  CHECK(take(by_letter) == "a=1 a=2 b=1");
  CHECK(d.table<std::string, std::int64_t>("by-letter").get("a") == 2);
}

TEST_CASE("reduce combines values, by result or in place") {
  klamm::Topology t{"app"};
  auto grouped = t.stream(in).group_by_key();
  grouped.reduce("joined", [](const std::string& a, const std::string& b) { return a + b; }).to(out);
  grouped.reduce("in-place", [](std::string& total, const std::string& v) { total += '+' + v; }).to(other);
  klamm::TestDriver d{t};
  auto joined = d.output(out), in_place = d.output(other);
  for (const char* v : {"a", "b", "c"}) CHECK(d.input(in).send("k", v).ok());
  CHECK(take(joined) == "k=a k=ab k=abc");
  CHECK(take(in_place) == "k=a k=a+b k=a+b+c");
}

TEST_CASE("aggregate starts at the table's value, folds key and value, and may erase") {
  klamm::Topology t{"app"};
  const auto kept =
      klamm::table<std::string>("kept").starting_at(">").fold([](std::string& now, const std::string& key, const std::string& v) {
        now += key + v;
        return v == "x" ? klamm::Entry::erase : klamm::Entry::keep;
      });
  auto table = t.stream(in).group_by_key().aggregate(kept);
  table.to(out);
  table.to_stream().to(changes);
  table.upserts().to(other);
  klamm::TestDriver d{t};
  auto compacted = d.output(out), upserts = d.output(other);
  auto all = d.output(changes);
  for (const char* v : {"a", "b", "x", "c", "x", "x"}) CHECK(d.input(in).send("k", v).ok());
  CHECK(take(compacted) == "k=>ka k=>kakb k=~ k=>kc k=~ k=~");
  CHECK(take(all) == "k=>ka k=>kakb k=~ k=>kc k=~ k=~");
  CHECK(take(upserts) == "k=>ka k=>kakb k=>kc");
  CHECK_FALSE(d.table<std::string>(kept).get("k").has_value());
}

TEST_CASE("a fold may take the whole record") {
  klamm::Topology t{"app"};
  const auto latest = klamm::table<std::int64_t>("latest").fold(
      klamm::with_record([](std::int64_t& when, const auto& r) { when = r.timestamp().milliseconds(); }));
  t.stream(in).group_by_key().aggregate(latest).to(counts);
  klamm::TestDriver d{t};
  auto sink = d.output(counts);
  CHECK(d.input(in).send("k", "v", ms(42)).ok());
  CHECK(take(sink) == "k=42");
}

TEST_CASE("an aggregation's time is the greatest of its records', a deletion's too, and begins anew after it") {
  klamm::Topology t{"app"};
  const auto kept = klamm::table<std::string>("kept").fold([](std::string& now, const std::string& v) {
    now = v;
    return v == "x" ? klamm::Entry::erase : klamm::Entry::keep;
  });
  t.stream(in).group_by_key().aggregate(kept).to(out);
  klamm::TestDriver d{t};
  auto sink = d.output(out);
  auto source = d.input(in);
  CHECK(source.send("k", "a", ms(10)).ok());
  CHECK(source.send("k", "b", ms(5)).ok());
  CHECK(source.send("k", "x", ms(7)).ok());
  CHECK(source.send("k", "c", ms(3)).ok());
  CHECK(take_timed(sink) == "k=a@10 k=b@10 k=~@10 k=c@3");
}

TEST_CASE("a table of last values takes what comes last, late or not, with its own time, and forwards every tombstone") {
  klamm::Topology t{"app"};
  t.table(in).to(out);
  t.stream(Optional{"optional"}).to_table("last").to(other);
  klamm::TestDriver d{t};
  auto sink = d.output(out), second = d.output(other);
  for (int round = 0; round < 2; ++round) {
    auto source = round == 0 ? d.input(Optional{"in"}) : d.input(Optional{"optional"});
    CHECK(source.send_tombstone("k", ms(1)).ok());
    CHECK(source.send("k", "a", ms(10)).ok());
    CHECK(source.send("k", "b", ms(5)).ok());
    CHECK(source.send_tombstone("k", ms(4)).ok());
    CHECK(source.send_tombstone("k", ms(6)).ok());
  }
  CHECK(take_timed(sink) == "k=~@1 k=a@10 k=b@5 k=~@4 k=~@6");
  CHECK(take_timed(second) == "k=~@1 k=a@10 k=b@5 k=~@4 k=~@6");
}

TEST_CASE("to_table of a re-keyed stream goes through a repartition topic") {
  klamm::Topology t{"app"};
  t.stream(in).select_key(first_letter).to_table(klamm::table("last")).to(out);
  klamm::TestDriver d{t, {.partitions = 3}};
  auto sink = d.output(out);
  for (const char* v : {"a1", "a2"}) CHECK(d.input(in).send("k", v).ok());
  CHECK(take(sink) == "a=a1 a=a2");
  CHECK(t.describe().find("app-last-repartition") != std::string::npos);
}

TEST_CASE("a table's filter turns what stops to pass into a tombstone, and is silent about what never did") {
  klamm::Topology t{"app"};
  const auto is_long = [](const std::string& v) { return v.size() > 1; };
  auto table = t.table(in);
  table.filter(is_long).to(out);
  table.filter_not(is_long).to_stream().to(changes);
  klamm::TestDriver d{t};
  auto passed = d.output(out);
  auto rest = d.output(changes);
  auto source = d.input(Optional{"in"});
  for (const char* v : {"a", "bb", "cc", "d"}) CHECK(source.send("k", v).ok());
  CHECK(source.send_tombstone("k").ok());
  CHECK(source.send_tombstone("k").ok());
  CHECK(take(passed) == "k=bb k=cc k=~");
  CHECK(take(rest) == "k=a k=~ k=d k=~");
}

TEST_CASE("a table's map gives other values, and a filter behind it sees old ones too") {
  klamm::Topology t{"app"};
  auto sizes = t.table(in).map([](const std::string& v) { return static_cast<std::int64_t>(v.size()); });
  sizes.to(counts);
  sizes.filter([](std::int64_t n) { return n > 1; })
      .map([](const std::string& k, std::int64_t n) { return k + std::to_string(n); })
      .to(out);
  klamm::TestDriver d{t};
  auto all = d.output(counts);
  auto big = d.output(out);
  auto source = d.input(Optional{"in"});
  for (const char* v : {"a", "bb", "ccc", "d", "e"}) CHECK(source.send("k", v).ok());
  CHECK(source.send_tombstone("k").ok());
  CHECK(take(all) == "k=1 k=2 k=3 k=1 k=1 k=~");
  CHECK(take(big) == "k=k2 k=k3 k=~");
}

TEST_CASE("tables come back after a crash, with the disk or without it") {
  for (const klamm::Disk disk : {klamm::Disk::kept, klamm::Disk::lost}) {
    klamm::Topology t{"app"};
    t.stream(in).group_by(first_letter).count("n").to(counts);
    const auto users = t.table(other);  // logged by its own topic
    t.stream(in).join(users, [](const std::string& v, const std::string& w) { return v + w; }).to(out);
    klamm::TestDriver d{t};
    auto joined = d.output(out);
    CHECK(d.input(other).send("k", "!").ok());
    CHECK(d.input(in).send("k", "a").ok());
    d.restart(disk);
    CHECK(d.input(in).send("k", "a").ok());
    CHECK(d.table<std::string, std::int64_t>("n").get("a") == 2);
    CHECK(take(joined) == "k=a! k=a!");
  }
}

TEST_CASE("through on a grouping uses the user's topic in place of a repartition topic") {
  klamm::Topology t{"app"};
  t.stream(in).group_by(first_letter).through(Text{"by-letter"}.partitions(2)).count("n").to(counts);
  REQUIRE(t.describe().find("repartition") == std::string::npos);
  klamm::TestDriver d{t, {.partitions = 2}};
  auto between = d.output(Text{"by-letter"});
  auto n = d.output(counts);
  CHECK(d.input(in).send("k", "ab").ok());
  CHECK(d.input(in).send("k", "ac").ok());
  CHECK(take(between) == "a=ab a=ac");
  CHECK(take(n) == "a=1 a=2");
}
