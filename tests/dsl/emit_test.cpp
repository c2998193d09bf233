#include <map>

#include "support.hpp"

// Tables that tell of their changes at commits.

using namespace klamm::testing;

namespace {

using Optional = klamm::Topic<std::string, std::optional<std::string>>;

const klamm::TestDriverOptions by_hand{.commit_each_send = false};
klamm::TableName on_commit(const char* name) { return klamm::table(name).emit(klamm::Emit::on_commit); }

std::string shown_change(const klamm::Update<std::int64_t>& u) {
  return (u.old_value() != nullptr ? shown(*u.old_value()) : "~") + '>' + (u.new_value() != nullptr ? shown(*u.new_value()) : "~");
}

}  // namespace

TEST_CASE("each key that changed is told once per commit, in the order of first changes, with its last value and time") {
  klamm::Topology t{"app"};
  t.stream(in).group_by_key().count(on_commit("n")).to(counts);
  CHECK(t.describe().find("keeps n, emits on commit") != std::string::npos);
  klamm::TestDriver d{t, by_hand};
  auto sink = d.output(counts);
  auto source = d.input(in);
  for (const char* k : {"b", "a", "b", "b"}) CHECK(source.send(k, "v", ms(k[0])).ok());
  CHECK(d.table<std::string, std::int64_t>("n").get("b") == 3);
  CHECK(take(sink).empty());
  CHECK(d.commit().ok());
  CHECK(take_timed(sink) == "b=3@98 a=1@97");
  CHECK(source.send("a", "v", ms(1)).ok());
  CHECK(d.commit().ok());
  CHECK(take_timed(sink) == "a=2@97");
}

TEST_CASE("the old value is the one that was told last") {
  klamm::Topology t{"app"};
  const auto kept = klamm::table<std::int64_t>("kept").emit(klamm::Emit::on_commit).fold([](std::int64_t& n, const std::string& v) {
    ++n;
    return v == "x" ? klamm::Entry::erase : klamm::Entry::keep;
  });
  t.stream(in).group_by_key().aggregate(kept).changes().map(shown_change).to(out);
  klamm::TestDriver d{t, by_hand};
  auto sink = d.output(out);
  std::string told;
  for (const char* values : {"ab", "c", "dx", "x", "ef", "xg"}) {
    for (const char* v = values; *v != 0; ++v) CHECK(d.input(in).send("k", std::string(1, *v)).ok());
    CHECK(d.commit().ok());
    told += take(sink) + ' ';
  }
  // Of a key that came and went between two commits there is a tombstone.
  CHECK(told == "k=~>2 k=2>3 k=3>~ k=~>~ k=~>2 k=2>1 ");
}

TEST_CASE("a table behind a table, both kept back, is told in the same commit") {
  klamm::Topology t{"app"};
  t.stream(in)
      .group_by_key()
      .count(on_commit("n"))
      .upserts()
      .group_by_key()
      .reduce(on_commit("sum"), [](std::int64_t a, std::int64_t b) { return a + b; })
      .to(counts);
  klamm::TestDriver d{t, by_hand};
  auto sink = d.output(counts);
  for (int commit = 0; commit < 2; ++commit) {
    for (const char* k : {"a", "b", "a"}) CHECK(d.input(in).send(k, "v").ok());
    CHECK(d.commit().ok());
  }
  CHECK(take(sink) == "a=2 b=1 a=6 b=3");
}

TEST_CASE("groups of a table that is kept back are exact, whatever is committed together") {
  for (int together = 1; together < 8; ++together) {
    klamm::Topology t{"app"};
    t.stream(in)
        .group_by_key()
        .count(on_commit("n"))
        .group_by([](std::int64_t n) { return n; })
        .count(on_commit("histogram"))
        .to(klamm::Topic<std::int64_t, std::int64_t>{"histogram"});
    klamm::TestDriver d{t, by_hand};
    std::map<std::string, std::int64_t> naive;
    for (int i = 0; i < 40; ++i) {
      const std::string key = "k" + std::to_string(i * 7 % 11 % 5);
      ++naive[key];
      CHECK(d.input(in).send(key, "v").ok());
      if (i % together == 0) CHECK(d.commit().ok());
    }
    CHECK(d.commit().ok());
    std::map<std::int64_t, std::int64_t> expected, got;
    for (const auto& [key, n] : naive) ++expected[n];
    for (const auto& row : d.table<std::int64_t, std::int64_t>("histogram").all()) {
      if (row.value != 0) got[row.key] = row.value;
    }
    CHECK(got == expected);
  }
}

TEST_CASE("the last values are those of a table that tells of every change, through crashes too") {
  for (const klamm::Disk disk : {klamm::Disk::kept, klamm::Disk::lost}) {
    klamm::Topology t{"app"};
    const auto grouped = t.stream(in).group_by(first_letter);
    const auto append = [](std::string& all, const std::string& v) {
      all += v;
      return all.size() % 5 == 0 ? klamm::Entry::erase : klamm::Entry::keep;
    };
    grouped.aggregate(klamm::table<std::string>("each").fold(append)).to(Optional{"out"});
    grouped.aggregate(klamm::table<std::string>("once").emit(klamm::Emit::on_commit).fold(append)).to(Optional{"other"});
    klamm::TestDriver d{t, {.partitions = 2, .commit_each_send = false}};
    auto each = d.output(Optional{"out"}), once = d.output(Optional{"other"});
    for (int i = 0; i < 60; ++i) {
      CHECK(d.input(in).send("k" + std::to_string(i), std::string(1, static_cast<char>('a' + i * 5 % 7)) + (i % 3 == 0 ? "!" : "")).ok());
      if (i % 13 == 4) CHECK(d.commit().ok());
      if (i % 17 == 9) d.restart(disk);
    }
    CHECK(d.commit().ok());
    std::map<std::string, std::optional<std::string>> last, last_once;
    std::size_t records = 0, records_once = 0;
    for (const auto& record : each.read()) last[*record.key] = record.value, ++records;
    for (const auto& record : once.read()) last_once[*record.key] = record.value, ++records_once;
    CHECK(last == last_once);
    CHECK(records == 60);
    CHECK(records_once < 40);
  }
}

TEST_CASE("joins see a row as it is, told or not") {
  klamm::Topology t{"app"};
  const auto source = t.stream(in);
  const auto n = source.group_by_key().count(on_commit("n"));
  source.join(n, [](const std::string& v, std::int64_t count) { return v + std::to_string(count); }).to(out);
  klamm::TestDriver d{t, by_hand};
  auto sink = d.output(out);
  for (const char* v : {"a", "b"}) CHECK(d.input(in).send("k", v).ok());
  CHECK(d.commit().ok());
  CHECK(take(sink) == "k=a1 k=b2");
}

TEST_CASE("what is kept back is told with the headers of the record that changed it last") {
  klamm::Topology t{"app"};
  t.stream(in).group_by_key().count(on_commit("n")).to(counts);
  klamm::TestDriver d{t, by_hand};
  klamm::Bytes first, second;
  klamm::Headers::append(first, {"trace", klamm::detail::view_of("one")});
  klamm::Headers::append(second, {"trace", klamm::detail::view_of("two")});
  CHECK(d.input(in).send_raw("k", "v", {}, first).ok());
  CHECK(d.input(in).send_raw("k", "v", {}, second).ok());
  CHECK(d.input(in).send_raw("l", "v", {}, first).ok());
  CHECK(d.commit().ok());
  const auto records = d.output(counts).read_raw();
  REQUIRE(records.size() == 2);
  CHECK(records[0].headers.ends_with("two"));
  CHECK(records[1].headers.ends_with("one"));
}

TEST_CASE("of what fails at a commit each key fails alone, and the message names its record") {
  const auto build = [](klamm::Topology& t) {
    t.stream(in)
        .group_by_key()
        .reduce(on_commit("last"), [](const std::string&, const std::string& v) { return v; })
        .upserts()
        .map([](const std::string& v) { return v.substr(3); }, klamm::as("tail"))
        .to(out);
  };
  klamm::Topology t{"app"};
  build(t);
  klamm::TestDriver skipping{t, {.on_error = klamm::skip(), .commit_each_send = false}};
  auto sink = skipping.output(out);
  for (const char* k : {"a", "b", "c"}) CHECK(skipping.input(in).send(k, k[0] == 'b' ? "no" : "long").ok());
  CHECK(skipping.commit().ok());
  CHECK(take(sink) == "a=g c=g");
  CHECK(skipping.counters().skipped == 1);

  klamm::TestDriver failing{t, by_hand};
  CHECK(failing.input(in).send("a", "long").ok());
  CHECK(failing.input(in).send("b", "no").ok());
  const klamm::Status status = failing.commit();
  for (const char* part : {"topic \"in\"", "offset 1", "\"tail\""})
    CHECK_MESSAGE(status.message().find(part) != std::string::npos, status.message());
  auto nothing = failing.output(out);
  CHECK(take(nothing).empty());
}

TEST_CASE("when very much is kept back it is told early, and nothing twice or never") {
  klamm::Topology t{"app"};
  std::size_t told = 0;
  t.stream(in)
      .group_by_key()
      .reduce(on_commit("big"), [](const std::string&, const std::string& v) { return v; })
      .changes()
      .for_each([&told](const klamm::Update<std::string>&) { ++told; });
  klamm::TestDriver d{t, by_hand};
  const std::string value(10'000, 'v');
  const auto send = [&](int round) {
    for (int i = 0; i < 1'000; ++i) CHECK(d.input(in).send("k" + std::to_string(i), value + std::to_string(round)).ok());
  };
  send(1);
  CHECK(told == 0);  // no old values yet: the keys are little
  CHECK(d.commit().ok());
  CHECK(told == 1'000);
  send(2);
  CHECK(told > 1'000);
  CHECK(told < 2'000);
  CHECK(d.commit().ok());
  CHECK(told == 2'000);
}
