#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "klamm/klamm.hpp"

// Each mistake has a message of its own, with the line of the call; all of them come at once.

namespace {

using Text = klamm::Topic<std::string, std::string>;
const Text in{"in"}, out{"out"}, other{"other"};

struct Problems {
  std::vector<klamm::Problem> found;
  explicit Problems(const klamm::Topology& topology) : found{topology.check()} {}

  /// Whether there is one with this text, on this line of this file.
  [[nodiscard]] bool has(std::string_view part, int line) const {
    for (const klamm::Problem& p : found) {
      if (p.message.find(part) != std::string::npos && p.line == line &&
          std::string_view{p.file}.find("problems_test") != std::string_view::npos)
        return true;
    }
    for (const klamm::Problem& p : found) MESSAGE(p.file << ':' << p.line << ": " << p.message);
    return false;
  }
};

bool keep(const std::string& value) { return !value.empty(); }

}  // namespace

TEST_CASE("a topology without mistakes has no problems") {
  klamm::Topology t{"fine"};
  t.stream(in).filter(keep).to(out);
  CHECK(t.check().empty());
}

TEST_CASE("all problems are reported at once, each where the program made it") {
  klamm::Topology t{"problems"};
  auto moved = t.stream(in).filter(keep, klamm::as("same"));
  std::move(moved).mutate([](std::string&) {}).to(out);
  const int line = __LINE__;
  moved.to(other);                                                                // +1
  static_cast<void>(t.stream(in).filter_not(keep));                               // +2
  t.stream(in).peek([](const std::string&) {}, klamm::as("same")).to(out);        // +3
  t.stream(klamm::Topic<std::string, std::int64_t>{"in"}).for_each([](auto) {});  // +4
  t.stream(in).to(Text{"bad name"});                                              // +5
  t.stream(in).filter(keep, klamm::as("bad/operator")).to(out);                   // +6
  const Problems p{t};
  CHECK(p.has("filter \"same\": its handle was moved from and then used", line + 1));
  CHECK(p.has("filter_not \"in.filter_not\": nothing reads it", line + 2));
  CHECK(p.has("peek \"same\": the name is used twice, first at ", line + 3));
  CHECK(p.has("topic \"in\": used with two types: values are long", line + 4));
  CHECK(p.has("topic \"bad name\": a name has", line + 5));
  CHECK(p.has("filter \"bad/operator\": a name has", line + 6));
  CHECK(p.found.size() == 6);
}

TEST_CASE("a topology that reads nothing says so") {
  const int line = __LINE__ + 1;
  klamm::Topology t{"empty"};
  const Problems p{t};
  CHECK(p.has("topology \"empty\": it reads no topic", line));
  CHECK(p.found.size() == 1);
}

TEST_CASE("a topology with a name that Kafka would refuse says so") {
  const int line = __LINE__ + 1;
  klamm::Topology t{"my app"};
  t.stream(in).to(out);
  CHECK(Problems{t}.has("topology \"my app\": a name has", line));
}

TEST_CASE("a source that nothing reads is dangling, a table is not") {
  klamm::Topology t{"sources"};
  const int line = __LINE__ + 1;
  static_cast<void>(t.stream(in));
  static_cast<void>(t.table(other));
  const Problems p{t};
  CHECK(p.has("source \"in\": nothing reads it", line));
  CHECK(p.found.size() == 1);
}

TEST_CASE("a grouping without a table and a view without a reader are dangling") {
  klamm::Topology t{"dangling"};
  const int line = __LINE__;
  static_cast<void>(t.stream(in).group_by([](const std::string& v) { return v; }));  // +1
  static_cast<void>(t.table(other).filter(keep));                                    // +2
  const Problems p{t};
  CHECK(p.has("group_by \"in.group_by\": nothing reads it: keep a table", line + 1));
  CHECK(p.has("filter \"other.filter\": nothing reads it: write it to a topic, or join with it", line + 2));
  CHECK(p.found.size() == 2);
}

TEST_CASE("a table fed from two places is one problem, also behind repartition topics") {
  klamm::Topology t{"tables"};
  const auto first_letter = [](const std::string& v) { return v.substr(0, 1); };
  static_cast<void>(t.stream(in).group_by(first_letter).count("n"));
  const int line = __LINE__ + 1;
  static_cast<void>(t.stream(other).group_by(first_letter).count("n"));
  const Problems p{t};
  CHECK(p.has("store \"n\": fed from two places, first at ", line));
  CHECK(p.found.size() == 1);
}

TEST_CASE("two unnamed joins that need a repartition topic for the same table are told to take names") {
  klamm::Topology t{"joins"};
  const auto users = t.table(other);
  const auto rekeyed = [](const std::string& v) { return v; };
  const auto both = [](const std::string& v, const std::string& w) { return v + w; };
  t.stream(in).select_key(rekeyed).join(users, both).to(out);
  const int line = __LINE__ + 1;
  t.stream(in).select_key(rekeyed).join(users, both).to(out);
  t.stream(in).select_key(rekeyed).join(users, both, klamm::as("third")).to(out);
  const Problems p{t};
  CHECK(p.has("repartition topic \"joins-in.join-other-repartition\": needed in two places, first at ", line));
  CHECK(p.found.size() == 1);
}

TEST_CASE("a repartition topic's name can't be used for a topic of one's own") {
  klamm::Topology t{"own"};
  static_cast<void>(t.stream(in).group_by([](const std::string& v) { return v; }).count("n"));
  const int line = __LINE__ + 1;
  t.stream(other).to(Text{"own-n-repartition"});
  CHECK(Problems{t}.has("topic \"own-n-repartition\": the name is that of a repartition topic", line));
}

TEST_CASE("topics that meet need equal partition counts, and the message lists them") {
  klamm::Topology t{"counts"};
  const auto four = in.partitions(4), six = other.partitions(6);
  const int line = __LINE__ + 1;
  const auto table = t.table(six);
  t.stream(four).join(table, [](const std::string& v, const std::string& w) { return v + w; }).to(out);
  const Problems p{t};
  CHECK(p.has("\"other\" has 6, \"in\" has 4", __LINE__ - 2));
  CHECK(p.found.size() == 1);
  CHECK(p.found[0].line == line + 1);
}

TEST_CASE("topics that do not meet may have different partition counts") {
  klamm::Topology t{"counts"};
  t.stream(in.partitions(4)).to(out.partitions(2));
  t.stream(other.partitions(6)).to(out);
  CHECK(t.check().empty());
}

TEST_CASE("one topic with two partition counts is a problem") {
  klamm::Topology t{"counts"};
  t.stream(in.partitions(4)).to(out);
  const int line = __LINE__ + 1;
  t.stream(in.partitions(5)).to(out);
  CHECK(Problems{t}.has("topic \"in\": has 5 partitions here and 4 at ", line));
}

TEST_CASE("streams of two topologies can't be merged or joined") {
  klamm::Topology a{"a"}, b{"b"};
  auto left = a.stream(in), right = b.stream(in);
  const auto table = b.table(other);
  const int line = __LINE__;
  left.merge(right).to(out);                                                                   // +1
  left.join(table, [](const std::string& v, const std::string& w) { return v + w; }).to(out);  // +2
  const Problems p{a};
  CHECK(p.has("merge: its two sides belong to two topologies", line + 1));
  CHECK(p.has("join: its two sides belong to two topologies", line + 2));
}

TEST_CASE("a branch point must not be moved from") {
  klamm::Topology t{"moved"};
  auto named = t.stream(in).filter(keep);
  named.to(out);
  const int line = __LINE__ + 1;
  std::move(named).to(other);
  CHECK(Problems{t}.has("filter \"in.filter\": its handle is a branch point already", line));
}

TEST_CASE("a key without a serde is reported where it would need a repartition topic") {
  struct Plain {  // with a constructor it is no plain struct, and has no serde
    Plain() {}
    int x = 0;
  };
  klamm::Topology t{"serde"};
  const auto users = t.table(other);
  const auto plain = t.stream(in).map([](const std::string& v) { return klamm::KeyValue{v, Plain{}}; });
  const int line = __LINE__ + 1;
  plain.join(users, [](const Plain&, const std::string& w) { return w; }).to(out);
  CHECK(Problems{t}.has("the key changed, so the records go through a repartition topic", line));
}

namespace {
struct Keeps {
  using Context = klamm::Context<std::string, std::string>;
  klamm::KeyValueStore<std::string, std::string>& rows;
  Context& context;
  void process(const klamm::Record<std::string, const std::string>&) {}
};
}  // namespace

TEST_CASE("a store that no operator uses is reported where it was made") {
  klamm::Topology t{"app"};
  t.stream(in).to(out);
  const int line = __LINE__ + 1;
  static_cast<void>(t.store<std::string, std::string>("idle"));
  CHECK(Problems{t}.has("store \"idle\": no operator uses it: give it to process<P>(store), or leave it out", line));
}

TEST_CASE("two stores of one name are reported, whoever made them") {
  klamm::Topology t{"app"};
  auto rows = t.store<std::string, std::string>("rows");
  t.stream(in).process<Keeps>(rows).to(out);
  const int line = __LINE__ + 1;
  auto again = t.store<std::string, std::string>("rows");
  t.stream(other).process<Keeps>(again).to(out);
  CHECK(Problems{t}.has("store \"rows\": fed from two places, first at ", line));
}

TEST_CASE("a processor with stores behind a changed key is reported, and a topic between them cures it") {
  const auto first = [](const std::string& v) { return v.substr(0, 1); };
  klamm::Topology t{"app"};
  auto rows = t.store<std::string, std::string>("rows");
  const int line = __LINE__ + 1;
  t.stream(in).select_key(first).process<Keeps>(rows, klamm::as("late")).to(out);
  CHECK(Problems{t}.has("process \"late\": the key of its stream was changed", line));
  klamm::Topology cured{"app"};
  auto kept = cured.store<std::string, std::string>("rows");
  cured.stream(in).select_key(first).through(klamm::Topic<std::string, std::string>{"by-letter"}).process<Keeps>(kept).to(out);
  CHECK(cured.check().empty());
}

TEST_CASE("a store of another topology, and one that is given twice, are reported") {
  struct Twice {
    using Context = klamm::Context<>;
    klamm::KeyValueStore<std::string, std::string>&a, &b;
    Context& context;
    void process(const klamm::Record<std::string, const std::string>&) {}
  };
  klamm::Topology one{"one"}, two{"two"};
  auto rows = one.store<std::string, std::string>("rows");
  int line = __LINE__ + 1;
  two.stream(in).process<Keeps>(rows).to(out);
  CHECK(Problems{two}.has("process: its two sides belong to two topologies", line));
  line = __LINE__ + 1;
  one.stream(in).process<Twice>(rows, rows);
  CHECK(Problems{one}.has("process \"in.process-rows\": store \"rows\" is given to it twice", line));
}
