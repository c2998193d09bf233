#include "support.hpp"

using namespace klamm::testing;

namespace {
using Optional = klamm::Topic<std::string, std::optional<std::string>>;
std::string both(const std::string& v, const std::string& w) { return v + w; }
std::string maybe(const std::string& v, const std::string* w) { return v + (w != nullptr ? *w : "-"); }
}  // namespace

TEST_CASE("join looks the key up in the table as it is, and drops what has no partner") {
  klamm::Topology t{"app"};
  t.stream(in).join(t.table(other), both).to(out);
  klamm::TestDriver d{t};
  auto sink = d.output(out);
  CHECK(d.input(in).send("k", "early").ok());
  CHECK(d.input(other).send("k", "1").ok());
  CHECK(d.input(in).send("k", "a").ok());
  CHECK(d.input(other).send("k", "2").ok());
  CHECK(d.input(in).send("k", "b").ok());
  CHECK(d.input(Optional{"other"}).send_tombstone("k").ok());
  CHECK(d.input(in).send("k", "late").ok());
  CHECK(take(sink) == "k=a1 k=b2");
}

TEST_CASE("left_join keeps what has no partner, and what has no key") {
  klamm::Topology t{"app"};
  t.stream(in).left_join(t.table(other), maybe).to(out);
  klamm::TestDriver d{t};
  auto sink = d.output(out);
  CHECK(d.input(in).send("k", "a").ok());
  CHECK(d.input(other).send("k", "1").ok());
  CHECK(d.input(in).send("k", "b").ok());
  CHECK(d.input(in).send("c").ok());
  CHECK(take(sink) == "k=a- k=b1 ~=c-");
  CHECK(d.counters().dropped == 0);
}

TEST_CASE("joiners may take the key, and give any type") {
  klamm::Topology t{"app"};
  const auto table = t.table(other);
  t.stream(in).join(table, [](const std::string& k, const std::string& v, const std::string& w) { return k + v + w; }).to(out);
  t.stream(in)
      .left_join(table, [](const std::string&, const std::string& v,
                           const std::string* w) { return static_cast<std::int64_t>(v.size() + (w == nullptr ? 0 : w->size())); })
      .to(counts);
  klamm::TestDriver d{t};
  auto sink = d.output(out);
  auto sizes = d.output(counts);
  CHECK(d.input(other).send("k", "1").ok());
  CHECK(d.input(in).send("k", "a").ok());
  CHECK(take(sink) == "k=ka1");
  CHECK(take(sizes) == "k=2");
}

TEST_CASE("joins look through filters and maps of a table") {
  klamm::Topology t{"app"};
  const auto view =
      t.table(other).filter([](const std::string& v) { return v.size() > 1; }).map([](const std::string& k, const std::string& v) {
        return k + v;
      });
  t.stream(in).left_join(view, maybe).to(out);
  klamm::TestDriver d{t};
  auto sink = d.output(out);
  for (const char* v : {"x", "yy", "z"}) {
    CHECK(d.input(other).send("k", v).ok());
    CHECK(d.input(in).send("k", "a").ok());
  }
  CHECK(take(sink) == "k=a- k=akyy k=a-");
}

TEST_CASE("a table's changes may look into the same table") {
  klamm::Topology t{"app"};
  const auto table = t.table(other);
  table.upserts().join(table, both).to(out);
  klamm::TestDriver d{t};
  auto sink = d.output(out);
  CHECK(d.input(other).send("k", "a").ok());
  CHECK(take(sink) == "k=aa");
}

TEST_CASE("null values of an optional stream are dropped and counted") {
  klamm::Topology t{"app"};
  const auto table = t.table(other);
  t.stream(Optional{"optional"}).join(table, both).to(out);
  t.stream(Optional{"optional"}).left_join(table, maybe).to(Text{"left"});
  klamm::TestDriver d{t};
  auto inner = d.output(out), left = d.output(Text{"left"});
  CHECK(d.input(other).send("k", "1").ok());
  CHECK(d.input(Optional{"optional"}).send_tombstone("k").ok());
  CHECK(d.input(Optional{"optional"}).send("k", "a").ok());
  CHECK(take(inner) == "k=a1");
  CHECK(take(left) == "k=a1");
  CHECK(d.counters().dropped == 2);
}

TEST_CASE("a re-keyed stream meets its table, in whatever partition that is") {
  klamm::Topology t{"app"};
  t.stream(in).select_key(first_letter).join(t.table(other), both).to(out);
  klamm::TestDriver d{t, {.partitions = 4}};
  auto sink = d.output(out);
  for (const char* k : {"a", "b", "c", "d"}) CHECK(d.input(other).send(k, "!").ok());
  std::size_t met = 0;
  for (const char* v : {"a1", "b1", "c1", "d1"}) CHECK(d.input(in).send("somewhere", v).ok());
  for (const auto& record : sink.read()) met += record.value == *record.key + "1!";
  CHECK(met == 4);
}
