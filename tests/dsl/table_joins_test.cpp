#include "support.hpp"

using namespace klamm::testing;

namespace {

using Optional = klamm::Topic<std::string, std::optional<std::string>>;
const Text left{"left"}, right{"right"};

std::string both(const std::string& l, const std::string& r) { return l + r; }
std::string maybe(const std::string& l, const std::string* r) { return l + (r != nullptr ? *r : "-"); }
std::string either(const std::string* l, const std::string* r) { return (l != nullptr ? *l : "-") + (r != nullptr ? *r : "-"); }

/// What "l:a r:- …" makes of a topology: a letter for the side, its value for key k, - for a deletion; times are 1, 2, 3…
std::string answers(const klamm::Topology& t, std::initializer_list<const char*> steps, klamm::Disk* crash = nullptr) {
  klamm::TestDriver d{t};
  auto sink = d.output(out);
  std::int64_t time = 0;
  for (const std::string step : steps) {
    auto input = d.input(Optional{step[0] == 'l' ? "left" : "right"});
    const std::string value = step.substr(2);
    CHECK((value == "-" ? input.send_tombstone("k", ms(++time)) : input.send("k", value, ms(++time))).ok());
    if (crash != nullptr) d.restart(*crash);
  }
  return take_timed(sink);
}

}  // namespace

TEST_CASE("a join of tables has a row where both have one, and its time is the greater of theirs") {
  klamm::Topology t{"app"};
  t.table(left).join(t.table(right), both).to(out);
  CHECK(answers(t, {"l:a", "r:1", "l:b", "r:2"}) == "k=a1@2 k=b1@3 k=b2@4");
  CHECK(answers(t, {"l:a", "r:1", "r:-", "r:-", "l:b", "l:-", "r:3"}) == "k=a1@2 k=~@3 k=~@4");
  CHECK(answers(t, {"l:-", "r:-"}) == "");
  CHECK(answers(t, {"r:1", "l:-"}) == "k=~@2");  // also where nothing was
}

TEST_CASE("a late change of one side takes the time of the other") {
  klamm::Topology t{"app"};
  t.table(left).join(t.table(right), both).to(out);
  klamm::TestDriver d{t};
  auto sink = d.output(out);
  CHECK(d.input(left).send("k", "a", ms(9)).ok());
  CHECK(d.input(right).send("k", "1", ms(3)).ok());
  CHECK(d.input(left).send("k", "b", ms(1)).ok());  // the last to come counts, late or not
  CHECK(take_timed(sink) == "k=a1@9 k=b1@3");
}

TEST_CASE("a left join has a row where the left table has one") {
  klamm::Topology t{"app"};
  t.table(left).left_join(t.table(right), maybe).to(out);
  CHECK(answers(t, {"l:a", "r:1", "r:-", "l:-", "l:-"}) == "k=a-@1 k=a1@2 k=a-@3 k=~@4");
  CHECK(answers(t, {"r:1", "l:-", "l:a", "l:-"}) == "k=~@2 k=a1@3 k=~@4");
}

TEST_CASE("an outer join has a row where either table has one") {
  klamm::Topology t{"app"};
  t.table(left).outer_join(t.table(right), either).to(out);
  CHECK(answers(t, {"l:a", "r:1", "l:-", "r:-", "r:-", "l:-"}) == "k=a-@1 k=a1@2 k=-1@3 k=~@4");
  CHECK(answers(t, {"r:1", "l:-", "l:b"}) == "k=-1@1 k=-1@2 k=b1@3");
}

TEST_CASE("joiners may take the key, and give any type") {
  klamm::Topology t{"app"};
  const auto l = t.table(left);
  const auto r = t.table(right);
  l.join(r, [](const std::string& k, const std::string& v, const std::string& w) { return k + v + w; }).to(out);
  l.outer_join(r, [](const std::string& k, const std::string* v, const std::string* w) {
     return static_cast<std::int64_t>(k.size() + (v != nullptr) + (w != nullptr));
   }).to(counts);
  klamm::TestDriver d{t};
  auto texts = d.output(out);
  auto sides = d.output(counts);
  CHECK(d.input(left).send("k", "a").ok());
  CHECK(d.input(right).send("k", "1").ok());
  CHECK(take(texts) == "k=ka1");
  CHECK(take(sides) == "k=2 k=3");
}

TEST_CASE("filters and maps of tables can be joined, and joins be filtered, mapped, joined and looked into") {
  klamm::Topology t{"app"};
  const auto l = t.table(left).filter([](const std::string& v) { return v != "no"; });
  const auto r = t.table(right).map([](const std::string& v) { return v + v; });
  const auto pairs = l.left_join(r, maybe, klamm::as("pairs"));
  pairs.filter([](const std::string& v) { return v.size() > 2; }).map([](const std::string& v) { return '<' + v + '>'; }).to(out);
  t.stream(in).join(pairs, both).to(other);
  klamm::TestDriver d{t};
  auto sink = d.output(out), found = d.output(other);
  const auto look = [&] { CHECK(d.input(in).send("k", "?").ok()); };
  CHECK(d.input(left).send("k", "a").ok());
  look();
  CHECK(d.input(right).send("k", "1").ok());
  look();
  CHECK(d.input(left).send("k", "no").ok());
  look();
  CHECK(take(sink) == "k=<a11> k=~");
  CHECK(take(found) == "k=?a- k=?a11");
}

TEST_CASE("joins chain, and a table that is in two of them tells each: the last answer is right") {
  klamm::Topology t{"app"};
  const auto r = t.table(right);
  t.table(left).join(r, both).join(r, both).to(out);
  CHECK(answers(t, {"l:a", "r:1", "r:2", "l:b"}) == "k=a11@2 k=a11@2 k=a22@3 k=a22@3 k=b22@4");
}

TEST_CASE("a table joined with itself sends each change once for each side") {
  klamm::Topology t{"app"};
  const auto l = t.table(left);
  l.join(l, both).to(out);
  CHECK(answers(t, {"l:a", "l:b", "l:-"}) == "k=aa@1 k=aa@1 k=bb@2 k=bb@2");
}

TEST_CASE("groups of a join lose what the join loses: it knows its old rows") {
  for (const klamm::Disk disk : {klamm::Disk::kept, klamm::Disk::lost}) {
    klamm::Topology t{"app"};
    const auto joined = t.table(left).outer_join(t.table(right), either);
    joined.group_by([](const std::string& v) { return v; })
        .reduce(
            "groups", [](const std::string& a, const std::string& b) { return a + '+' + b; },
            [](const std::string& a, const std::string& b) { return a + '-' + b; })
        .to(out);
    klamm::Disk crash = disk;
    CHECK(answers(t, {"l:a", "r:1", "l:b", "l:-", "r:-"}, &crash) ==
          "a-=a-@1 a-=a--a-@2 a1=a1@2 a1=a1-a1@3 b1=b1@3 b1=b1-b1@4 -1=-1@4 -1=-1--1@5");
  }
}

TEST_CASE("what a join says was there is what it said, also where a table tells of its changes at commits") {
  klamm::Topology t{"app"};
  const auto l = t.stream(left).group_by_key().reduce(klamm::table("l").emit(klamm::Emit::on_commit),
                                                      [](const std::string&, const std::string& v) { return v; });
  const auto groups = klamm::table<std::int64_t>("groups")
                          .fold([](std::int64_t& n, const std::string&) { ++n; })
                          .unfold([](std::int64_t& n, const std::string&) { return --n == 0 ? klamm::Entry::erase : klamm::Entry::keep; });
  const auto same = [](const std::string& v) { return v; };
  l.map(same).join(t.table(right), both).group_by(same).aggregate(groups).to(counts);
  l.join(l, both).to(other);
  klamm::TestDriver d{t, {.commit_each_send = false}};
  auto selves = d.output(other);
  const auto all = [&d] {
    std::string rows;
    CHECK(d.commit().ok());
    for (const auto& row : d.table<std::string, std::int64_t>("groups").all()) rows += row.key + '=' + std::to_string(row.value) + ' ';
    return rows;
  };
  CHECK(d.input(left).send("k", "a").ok());
  CHECK(d.input(right).send("k", "x").ok());
  CHECK(all() == "ax=1 ");
  CHECK(d.input(left).send("k", "b").ok());
  CHECK(d.input(right).send("k", "y").ok());
  CHECK(all() == "by=1 ");
  CHECK(d.input(right).send("k", "z").ok());
  CHECK(d.input(left).send("k", "c").ok());
  d.restart(klamm::Disk::lost);
  CHECK(all() == "cz=1 ");
  CHECK(take(selves) == "k=aa k=aa k=bb k=bb k=cc k=cc");
}

TEST_CASE("a join needs the old values of the sides that may miss, and of both if its own are wanted") {
  const auto logged = [](const klamm::Topology& t, const std::string& store) {
    return t.describe().find("store " + store + ": string -> string, logged by its source topic") == std::string::npos ? "itself" : "topic";
  };
  klamm::Topology inner{"app"}, one{"app"}, outer{"app"}, grouped{"app"}, view{"app"};
  inner.table(left).join(inner.table(right), both).to(out);
  one.table(left).left_join(one.table(right), maybe).to(out);
  outer.table(left).outer_join(outer.table(right), either).to(out);
  grouped.table(left).join(grouped.table(right), both).group_by(first_letter).count("n").to(counts);
  view.stream(in).join(view.table(left).left_join(view.table(right), maybe), both).to(out);
  CHECK(logged(inner, "left") == "topic");
  CHECK(logged(inner, "right") == "topic");
  CHECK(logged(one, "left") == "itself");
  CHECK(logged(one, "right") == "topic");
  CHECK(logged(outer, "left") == "itself");
  CHECK(logged(outer, "right") == "itself");
  CHECK(logged(grouped, "left") == "itself");
  CHECK(logged(grouped, "right") == "itself");
  CHECK(logged(view, "left") == "topic");
}

TEST_CASE("joined tables are of one sub-topology, and need equal partition counts") {
  klamm::Topology t{"app"};
  t.table(left.partitions(2)).join(t.table(right.partitions(3)), both).to(out);
  REQUIRE(t.check().size() == 1);
  CHECK(t.check()[0].message.find("need equal partition counts: \"left\" has 2, \"right\" has 3") != std::string::npos);
  CHECK(t.describe().find("join left.join-right <- left.table, right.table\n") != std::string::npos);

  klamm::Topology a{"a"}, b{"b"};
  a.table(left).join(b.table(right), both).to(out);
  CHECK(a.check()[0].message.find("join: its two sides belong to two topologies") != std::string::npos);

  klamm::Topology unread{"app"};
  static_cast<void>(unread.table(left).join(unread.table(right), both));
  CHECK(unread.check()[0].message.find("nothing reads it") != std::string::npos);
}

TEST_CASE("rows of many keys meet, in whatever partition they are") {
  klamm::Topology t{"app"};
  t.table(left).join(t.table(right), both).to(out);
  klamm::TestDriver d{t, {.partitions = 4}};
  auto sink = d.output(out);
  for (const char* k : {"a", "b", "c", "d", "e"}) {
    CHECK(d.input(left).send(k, k).ok());
    CHECK(d.input(right).send(k, "!").ok());
  }
  std::size_t met = 0;
  for (const auto& record : sink.read()) met += record.value == *record.key + '!';
  CHECK(met == 5);
}

TEST_CASE("what is behind a table may change its key slot without the others seeing it") {
  klamm::Topology t{"app"};
  const auto l = t.table(left);
  l.join(t.table(right), both).upserts().select_key(first_letter).to(out);
  l.map([](const std::string& v) { return v; }).upserts().select_key(first_letter).to(other);
  l.to(Text{"rows"});
  const auto stream = t.stream(in);
  stream.to_table("last").upserts().select_key(first_letter).to(Text{"letters"});
  stream.to(Text{"copies"});
  klamm::TestDriver d{t};
  auto joined = d.output(out), mapped = d.output(other), rows = d.output(Text{"rows"});
  CHECK(d.input(right).send("k", "1").ok());
  CHECK(d.input(left).send("k", "a").ok());
  CHECK(take(joined) == "a=a1");
  CHECK(take(mapped) == "a=a");
  CHECK(take(rows) == "k=a");
  auto copies = d.output(Text{"copies"});
  CHECK(d.input(in).send("k", "a").ok());
  CHECK(take(copies) == "k=a");
}
