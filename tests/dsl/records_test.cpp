#include "support.hpp"

// Operators and topics that change what goes with a record: its time, its headers, its topic, its partition; and maps that may fail.

using namespace klamm::testing;

namespace {

using Optional = klamm::Topic<std::string, std::optional<std::string>>;

/// "name:value name:value"; numbers are theirs who look.
std::string headers_of(const klamm::detail::RawOutput& record) {
  std::string text;
  klamm::Headers rest{klamm::detail::view_of(record.headers)};
  for (klamm::Header h; rest.next(h);) {
    text += (text.empty() ? "" : " ") + std::string{h.key} + ':';
    text += h.value.data() == nullptr ? "~" : std::string{reinterpret_cast<const char*>(h.value.data()), h.value.size()};
  }
  return text;
}

klamm::Result<std::string> halved(const std::string& v) {
  if (v.size() % 2 != 0) return klamm::Status{klamm::Code::invalid_argument, "\"" + v + "\" is odd"};
  return v.substr(0, v.size() / 2);
}

/// A function of its own for each task, that need not be const.
auto numbered() {
  return klamm::per_task([] { return [n = 0](const std::string&) mutable { return std::to_string(n++); }; });
}

}  // namespace

TEST_CASE("with_timestamp gives another time to all that comes behind; a negative one drops the record") {
  klamm::Topology t{"app"};
  const auto source = t.stream(in);
  source.with_timestamp([](const std::string& v) { return v == "no" ? -1 : static_cast<int>(v.size()); }).to(out);
  source.with_timestamp(klamm::with_record([](const auto& r) { return r.timestamp() + klamm::Duration{1}; }))
      .group_by_key()
      .count("n")
      .to(counts);
  source.to(other);
  klamm::TestDriver d{t};
  auto timed = d.output(out), plain = d.output(other);
  auto later = d.output(counts);
  CHECK(d.input(in).send("k", "four", ms(9)).ok());
  CHECK(d.input(in).send("k", "no", ms(5)).ok());
  CHECK(take_timed(timed) == "k=four@4");
  CHECK(take_timed(later) == "k=1@10 k=2@10");
  CHECK(take_timed(plain) == "k=four@9 k=no@5");
  CHECK(d.counters().dropped == 1);
}

TEST_CASE("with_timestamp takes members, keys, and functions of the task's own") {
  klamm::Topology t{"app"};
  t.stream(in).with_timestamp(&std::string::size).to(out);
  t.stream(in)
      .with_timestamp([](const std::string& k, const std::string&) { return klamm::Timestamp{static_cast<std::int64_t>(k.size())}; })
      .to(other);
  t.stream(in).with_timestamp(klamm::per_task([] { return [n = 0](const std::string&) mutable { return n++; }; })).to(Text{"third"});
  klamm::TestDriver d{t, {.on_error = klamm::skip()}};
  auto by_size = d.output(out), by_key = d.output(other), numbers_ = d.output(Text{"third"});
  CHECK(d.input(in).send("key", "v", ms(9)).ok());
  CHECK(d.input(in).send("v", ms(9)).ok());  // without a key
  CHECK(take_timed(by_size) == "key=v@1 ~=v@1");
  CHECK(take_timed(by_key) == "key=v@3");
  CHECK(take_timed(numbers_) == "key=v@0 ~=v@1");
  CHECK(d.counters().skipped == 1);
}

TEST_CASE("with_header adds headers in order, behind the record's own, and only on its branch") {
  klamm::Topology t{"app"};
  const auto source = t.stream(in);
  source.with_header("a", "text")
      .with_header("b", &std::string::size)
      .with_header("c", [](const std::string& k, const std::string& v) { return k + v; })
      .with_header("d", [](const std::string&) { return std::optional<std::string>{}; })
      .to(out);
  source.with_header("n", numbered())
      .flat_map([](const std::string& v) {
        return std::vector<std::string>{v, v + v};
      })
      .with_header("self", [](const std::string& v) { return v; })
      .to(Text{"third"});
  source.to(other);
  klamm::TestDriver d{t};
  klamm::Bytes own;
  klamm::Headers::append(own, {"own", klamm::detail::view_of("1")});
  CHECK(d.input(in).send_raw("k", "v", {}, own).ok());
  const auto all = d.output(out).read_raw(), plain = d.output(other).read_raw(), third = d.output(Text{"third"}).read_raw();
  REQUIRE(all.size() == 1);
  CHECK(headers_of(all[0]) == "own:1 a:text b:" + std::string(7, '\0') + "\x01 c:kv d:~");
  CHECK(headers_of(plain.at(0)) == "own:1");
  REQUIRE(third.size() == 2);
  CHECK(headers_of(third[0]) == "own:1 n:0 self:v");
  CHECK(headers_of(third[1]) == "own:1 n:0 self:vv");
}

TEST_CASE("a header is seen by what comes behind, through repartition topics too") {
  klamm::Topology t{"app"};
  t.stream(in)
      .with_header("trace", klamm::with_record([](const auto& r) { return r.value + '!'; }))
      .group_by(first_letter)
      .aggregate(klamm::table<std::string>("traces").fold(klamm::with_record([](std::string& all, const auto& r) {
        const klamm::BytesView found = r.headers().find("trace");
        all.append(reinterpret_cast<const char*>(found.data()), found.size());
      })))
      .to(out);
  klamm::TestDriver d{t};
  auto sink = d.output(out);
  for (const char* v : {"a1", "a2"}) CHECK(d.input(in).send("k", v).ok());
  CHECK(take(sink) == "a=a1! a=a1!a2!");
}

TEST_CASE("try_map goes on with the value, and sends an error to the policy with its message") {
  klamm::Topology t{"app"};
  const auto source = t.stream(in);
  source.try_map(halved, klamm::as("halved")).to(out);
  source.try_map([](const std::string& v) -> klamm::Result<std::int64_t> { return static_cast<std::int64_t>(v.size()); }).to(counts);
  source
      .try_map(klamm::with_record([](const auto& r) -> klamm::Result<klamm::KeyValue<std::string, std::string>> {
        return klamm::KeyValue<std::string, std::string>{r.value, r.key};
      }))
      .to(other);
  klamm::TestDriver d{t, {.on_error = klamm::dead_letter("dead")}};
  auto halves = d.output(out), swapped = d.output(other);
  auto sizes = d.output(counts);
  for (const char* v : {"abcd", "abc", "ab"}) CHECK(d.input(in).send("k", v).ok());
  CHECK(take(halves) == "k=ab k=a");
  CHECK(take(sizes) == "k=4 k=3 k=2");  // each branch fails alone
  CHECK(take(swapped) == "abcd=k abc=k ab=k");
  CHECK(d.counters().skipped == 1);
  const auto dead = d.output(Text{"dead"}).read_raw();
  REQUIRE(dead.size() == 1);
  CHECK(dead[0].value == "abc");
  CHECK(headers_of(dead[0]).find("klamm.error.operator:halved klamm.error.stage:process klamm.error.reason:\"abc\" is odd") !=
        std::string::npos);

  klamm::TestDriver failing{t};
  const klamm::Status status = failing.input(in).send("k", "abc");
  CHECK_MESSAGE(status.message().find("operator \"halved\": \"abc\" is odd") != std::string::npos, status.message());
  CHECK(status.code() == klamm::Code::failed_record);
}

TEST_CASE("try_map changes values in place, takes functions of the task's own, and views with borrow") {
  klamm::Topology t{"app"};
  t.stream(in)
      .try_map(klamm::per_task([] {
        return [n = 0](std::string&& v) mutable -> klamm::Result<std::string> {
          v += std::to_string(n++);
          return std::move(v);
        };
      }))
      .to(out);
  t.stream(in)
      .try_map(klamm::borrow([](const std::string& v) -> klamm::Result<std::string_view> { return std::string_view{v}.substr(1); }))
      .to(klamm::Topic<std::string, std::string_view>{"other"});
  klamm::TestDriver d{t};
  auto sink = d.output(out), tails = d.output(other);
  for (const char* v : {"ab", "cd"}) CHECK(d.input(in).send("k", v).ok());
  CHECK(take(sink) == "k=ab0 k=cd1");
  CHECK(take(tails) == "k=b k=d");
}

TEST_CASE("map and flat_map make views of an owning value with borrow") {
  klamm::Topology t{"app"};
  const klamm::Topic<std::string, std::string_view> views{"out"}, parts{"other"};
  t.stream(in).map(klamm::borrow([](const std::string& v) { return std::string_view{v}.substr(1); })).to(views);
  t.stream(in)
      .flat_map(klamm::borrow([](const std::string& v) {
        return std::array<std::string_view, 2>{std::string_view{v}.substr(0, 1), std::string_view{v}.substr(1)};
      }))
      .to(parts);
  klamm::TestDriver d{t};
  auto tails = d.output(out), both = d.output(other);
  CHECK(d.input(in).send("k", "a value that is longer than a short string is").ok());
  CHECK(take(tails) == "k= value that is longer than a short string is");
  CHECK(take(both) == "k=a k= value that is longer than a short string is");
}

TEST_CASE("to writes each record to the topic of a list that it chooses: by topic, by pointer, by name") {
  klamm::Topology t{"app"};
  const auto source = t.stream(in);
  const Text a{"a"}, b{"b"};
  source.to({a, b}, [&](const std::string& v) { return v[0] == 'a' ? &a : &b; });
  source.mutate([](std::string& v) { v += '!'; })
      .to(
          std::vector{a, b}, [](const std::string& v) { return v.substr(0, 1); }, klamm::as("by-name"));
  klamm::TestDriver d{t, {.on_error = klamm::dead_letter("dead")}};
  auto in_a = d.output(a), in_b = d.output(b);
  for (const char* v : {"a1", "b1", "c1", "a2"}) CHECK(d.input(in).send("k", v).ok());
  CHECK(take(in_a) == "k=a1 k=a1! k=a2 k=a2!");
  CHECK(take(in_b) == "k=b1 k=b1! k=c1");
  const auto dead = d.output(Text{"dead"}).read_raw();
  REQUIRE(dead.size() == 1);
  CHECK(headers_of(dead[0]).find(
            "operator:by-name klamm.error.stage:produce klamm.error.reason:its function chose topic \"c\", which is none "
            "of its list: \"a\" \"b\"") != std::string::npos);
  CHECK(d.counters().skipped == 1);
}

TEST_CASE("the topics of a choice are described, and an empty list is a problem") {
  klamm::Topology t{"app"};
  t.stream(in).filter([](const std::string&) { return true; }).to({out, other}, numbered(), klamm::as("choice"));
  CHECK(t.check().empty());
  const std::string text = t.describe();
  for (const char* part : {"to_one_of choice <- in.filter", "<- choice writes out", "<- choice writes other", "topic other: sink"})
    CHECK_MESSAGE(text.find(part) != std::string::npos, text);
  CHECK(t.dot().find("\"choice\" -> ") != std::string::npos);
  CHECK(t.mermaid().find("to_one_of choice") != std::string::npos);
  t.stream(in).to(std::vector<Text>{}, [](const std::string& v) { return v; });
  REQUIRE(t.check().size() == 1);
  CHECK(t.check()[0].message.find("the list of topics is empty") != std::string::npos);
}

TEST_CASE("partition_by chooses the partition that sinks, through and producers write to") {
  const auto by_value = [](const std::string&, const std::string& v, int partitions) { return static_cast<int>(v.size()) % partitions; };
  const Text chosen = Text{"chosen"}.partitions(4).partition_by(by_value), between = Text{"between"}.partitions(4).partition_by(by_value);
  const auto keyless = klamm::Topic<klamm::NoKey, std::string>{"keyless"}.partitions(4).partition_by(
      klamm::per_task([] { return [n = 0](const std::string&, int partitions) mutable { return n++ % partitions; }; }));
  klamm::Topology t{"app"};
  const auto source = t.stream(in);
  source.through(between).to(chosen);
  source.to(keyless);
  source.to({chosen, Text{"plain"}.partitions(4)}, [](const std::string&) { return "chosen"; });
  klamm::TestDriver d{t};
  const auto placed = [](auto records) {
    std::string text;
    for (const auto& record : records) text += (text.empty() ? "" : " ") + *record.value + '@' + std::to_string(record.partition);
    return text;
  };
  for (const char* v : {"a", "bb", "ccccc"}) CHECK(d.input(in).send("k", v).ok());
  CHECK(placed(d.output(between).read()) == "a@1 ccccc@1 bb@2");
  CHECK(placed(d.output(chosen).read()).size() == std::string{"a@1 a@1 ccccc@1 ccccc@1 bb@2 bb@2"}.size());
  CHECK(placed(d.output(keyless).read()) == "a@0 bb@1 ccccc@2");
  CHECK(d.input(between).send("k", "xxx").ok());
  CHECK(placed(d.output(between).read()).find("xxx@3") != std::string::npos);
}

TEST_CASE("partition_by gets nulls as pointers where the topic has them, and else they go to the error policy") {
  const auto nullable = klamm::Topic<std::optional<std::string>, std::optional<std::string>>{"nullable"}.partitions(3).partition_by(
      [](const std::string* k, const std::string* v, int) { return (k != nullptr ? 1 : 0) + (v != nullptr ? 1 : 0); });
  const Text strict =
      Text{"strict"}.partitions(3).partition_by([](const std::string&, const std::string& v, int) { return v == "far" ? 3 : 2; });
  klamm::Topology t{"app"};
  t.stream(klamm::Topic<std::optional<std::string>, std::optional<std::string>>{"in"}).to(nullable);
  t.table(other).to(strict);
  t.stream(Text{"third"}).to(strict);
  klamm::TestDriver d{t, {.on_error = klamm::skip()}};
  CHECK(d.input(in).send("k", "v").ok());
  CHECK(d.input(in).send("v").ok());
  CHECK(d.input(Optional{"in"}).send_tombstone("k").ok());
  std::string where;
  for (const auto& record : d.output(nullable).read())
    where += shown(record.key) + '=' + shown(record.value) + '@' + std::to_string(record.partition) + ' ';
  CHECK(where == "~=v@1 k=~@1 k=v@2 ");
  CHECK(d.input(other).send("k", "v").ok());
  CHECK(d.counters().skipped == 0);
  CHECK(d.input(Optional{"other"}).send_tombstone("k").ok());  // no value to choose by
  CHECK(d.input(Text{"third"}).send("v").ok());                // no key
  CHECK(d.input(Text{"third"}).send("k", "far").ok());         // no such partition
  CHECK(d.counters().skipped == 3);
  CHECK(d.output(strict).read().size() == 1);
}
