#include "support.hpp"

using namespace klamm::testing;

namespace {
using Optional = klamm::Topic<std::string, std::optional<std::string>>;
std::string joined(const std::string& total, const std::string& v) { return total + '+' + v; }
std::string cut(const std::string& total, const std::string& v) { return total + '-' + v; }
void fold(std::string& total, const std::string& v) { total += '+' + v; }
void unfold(std::string& total, const std::string& v) { total += '-' + v; }
}  // namespace

TEST_CASE("a row leaves its old group and joins the new one, the old one first; a group that is empty stays") {
  klamm::Topology t{"app"};
  t.table(in).group_by(first_letter).count("per-letter").to(counts);
  klamm::TestDriver d{t};
  auto sink = d.output(counts);
  auto source = d.input(Optional{"in"});
  CHECK(source.send("k", "a1").ok());
  CHECK(source.send("l", "a2").ok());
  CHECK(source.send("k", "b1").ok());
  CHECK(source.send("k", "b2").ok());  // the same group: one change
  CHECK(source.send_tombstone("k").ok());
  CHECK(source.send_tombstone("k").ok());  // was in no group
  CHECK(take(sink) == "a=1 a=2 a=1 b=1 b=1 b=0");
  CHECK(d.table<std::string, std::int64_t>("per-letter").get("b") == 0);
}

TEST_CASE("reduce and aggregate subtract and then add, as one change where the group stays") {
  klamm::Topology t{"app"};
  auto groups = t.table(in).group_by(first_letter);
  groups.reduce("reduced", joined, cut).to(out);
  groups.aggregate(klamm::table<std::string>("folded").starting_at("0").fold(fold).unfold(unfold)).to(other);
  klamm::TestDriver d{t};
  auto reduced = d.output(out), folded = d.output(other);
  for (const char* v : {"a1", "a2", "b1"}) CHECK(d.input(in).send("k", v).ok());
  CHECK(take(reduced) == "a=a1 a=a1-a1+a2 a=a1-a1+a2-a2 b=b1");
  CHECK(take(folded) == "a=0+a1 a=0+a1-a1+a2 a=0+a1-a1+a2-a2 b=0+b1");
  CHECK(t.describe().find("app-folded-repartition") == std::string::npos);  // they share one
}

TEST_CASE("group_by may give a new value with the new key, and may take the key or the record") {
  klamm::Topology t{"app"};
  const auto table = t.table(in);
  table.group_by([](const std::string& k, const std::string& v) {
         return klamm::KeyValue{v.substr(0, 1), k};
       })
      .reduce("keys", joined, cut)
      .to(out);
  table.group_by(klamm::with_record([](const auto& r) { return r.value.substr(1); })).count("rest").to(counts);
  table.group_by(klamm::per_task([] { return [calls = 0](const std::string&) mutable { return std::to_string(++calls); }; }))
      .count("calls")
      .to(numbers);
  klamm::TestDriver d{t};
  auto keys = d.output(out);
  auto rest = d.output(counts), calls = d.output(numbers);
  CHECK(d.input(in).send("k", "ax").ok());
  CHECK(d.input(in).send("l", "ay").ok());
  CHECK(take(keys) == "a=k a=k+l");
  CHECK(take(rest) == "x=1 y=1");
  CHECK(take(calls) == "1=1 2=1");
}

TEST_CASE("a row whose new key or value is null is in no group, and a change to null takes it out") {
  klamm::Topology t{"app"};
  using Maybe = std::optional<std::string>;
  const auto table = t.table(in);
  table.group_by([](const std::string& v) { return v == "no" ? Maybe{} : Maybe{v}; })
      .count("by-key")
      .to(klamm::Topic<Maybe, std::int64_t>{"counts"});
  table.group_by([](const std::string& v) {
         return klamm::KeyValue{v.substr(0, 1), v.size() > 1 ? Maybe{v} : Maybe{}};
       })
      .reduce("by-value", joined, cut)
      .to(out);
  klamm::TestDriver d{t};
  auto by_key = d.output(counts);
  auto by_value = d.output(out);
  for (const char* v : {"no", "yes", "no", "n"}) CHECK(d.input(in).send("k", v).ok());
  CHECK(take(by_key) == "yes=1 yes=0 n=1");
  CHECK(take(by_value) == "n=no n=no-no y=yes y=yes-yes n=no-no+no n=no-no+no-no");
}

TEST_CASE("a fold or an unfold may erase a group; what comes next begins anew, and nothing can be taken from nothing") {
  klamm::Topology t{"app"};
  const auto total = klamm::table<std::int64_t>("total")
                         .fold([](std::int64_t& n, const std::string&) {
                           ++n;
                           return klamm::Entry::keep;
                         })
                         .unfold([](std::int64_t& n, const std::string&) { return --n == 0 ? klamm::Entry::erase : klamm::Entry::keep; });
  t.table(in).group_by(first_letter).aggregate(total).to(counts);
  klamm::TestDriver d{t};
  auto sink = d.output(counts);
  auto source = d.input(Optional{"in"});
  CHECK(source.send("k", "a", ms(5)).ok());
  CHECK(source.send("k", "ab", ms(3)).ok());  // erased and begun again in one change
  CHECK(source.send_tombstone("k", ms(4)).ok());
  CHECK(source.send("k", "a", ms(2)).ok());
  CHECK(take_timed(sink) == "a=1@5 a=1@5 a=~@5 a=1@2");
  CHECK_FALSE(d.table<std::string>(total).get("b").has_value());
}

TEST_CASE("an aggregation of a stream has no old value at first, so its groups begin with what is there") {
  klamm::Topology t{"app"};
  t.stream(in)
      .group_by_key()
      .count("n")
      .group_by([](std::int64_t n) { return n; })
      .count("histogram")
      .to(klamm::Topic<std::int64_t, std::int64_t>{"histogram"});
  klamm::TestDriver d{t};
  auto sink = d.output(klamm::Topic<std::int64_t, std::int64_t>{"histogram"});
  for (const char* k : {"k", "k", "l"}) CHECK(d.input(in).send(k, "v").ok());
  CHECK(take(sink) == "1=1 1=0 2=1 1=1");
}

TEST_CASE("through takes the place of the repartition topic, and carries old and new value") {
  klamm::Topology t{"app"};
  const klamm::Topic<std::string, klamm::Update<std::string>> between{"between"};
  t.table(in).group_by(first_letter).through(between.partitions(2)).count("n").to(counts);
  REQUIRE(t.describe().find("repartition") == std::string::npos);
  klamm::TestDriver d{t, {.partitions = 2}};
  auto updates = d.output(between);
  auto sink = d.output(counts);
  CHECK(d.input(in).send("k", "a1").ok());
  CHECK(d.input(in).send("k", "a2").ok());
  const std::string a1 = "a1", a2 = "a2";
  CHECK(updates.read() == updates.records({{"a", klamm::Update<std::string>{nullptr, &a1}}, {"a", klamm::Update<std::string>{&a1, &a2}}}));
  CHECK(take(sink) == "a=1 a=1");
}

TEST_CASE("a table that is grouped has a changelog of its own, and groups survive crashes exactly") {
  for (const klamm::Disk disk : {klamm::Disk::kept, klamm::Disk::lost}) {
    for (const bool commits : {true, false}) {
      klamm::Topology t{"app"};
      t.table(in).filter([](const std::string& v) { return v != "a0"; }).group_by(first_letter).reduce("groups", joined, cut).to(out);
      REQUIRE(t.describe().find("logged by app-in-changelog") != std::string::npos);
      klamm::TestDriver d{t, {.partitions = 3, .commit_each_send = commits}};
      auto source = d.input(Optional{"in"});
      for (const char* v : {"a1", "b1", "a0", "a2"}) {
        CHECK(source.send("k", v).ok());
        d.restart(disk);
      }
      CHECK(source.send("l", "a3").ok());
      CHECK(d.commit().ok());
      CHECK(d.table<std::string, std::string>("groups").get("a") == "a1-a1+a2+a3");
      CHECK(d.table<std::string, std::string>("groups").get("b") == "b1-b1");
    }
  }
}

TEST_CASE("an update that another version wrote is not taken for one of ours") {
  using Serde = klamm::serde<klamm::Update<std::string>>;
  const std::string a = "a", b;
  for (const auto& update : {klamm::Update<std::string>{&a, &b}, klamm::Update<std::string>{&b, nullptr},
                             klamm::Update<std::string>{nullptr, &a}, klamm::Update<std::string>{}}) {
    klamm::Bytes bytes;
    CHECK(Serde::encode(update, bytes).ok());
    klamm::Update<std::string> read{&a, &a};
    CHECK(Serde::decode(bytes, read).ok());
    CHECK(read == update);
    CHECK(bytes[0] == std::byte{2});
    bytes[0] = std::byte{1};
    CHECK_FALSE(Serde::decode(bytes, read).ok());
  }
  klamm::Bytes cut_off{std::byte{2}, std::byte{3}, std::byte{9}, std::byte{'a'}};
  klamm::Update<std::string> read;
  CHECK_FALSE(Serde::decode(cut_off, read).ok());
  CHECK_FALSE(Serde::decode(klamm::BytesView{cut_off}.first(1), read).ok());
}
