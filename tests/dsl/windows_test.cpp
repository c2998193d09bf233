#include <doctest/doctest.h>

#include <functional>

#include "klamm/testing/check_serde.hpp"
#include "support.hpp"

// Windowed tables. What Kafka Streams answers is tests/conformance's; here is what it does not say.

namespace klamm::testing {
namespace {

using Key = Windowed<std::string>;
const Topic<std::string, std::optional<std::int64_t>> windowed{"windowed"};
const Topic<std::string, std::optional<std::string>> texts{"texts"};
const Topic<std::string, std::optional<std::string>> nullable{"nullable"};

std::string label(const Key& w) {
  return w.key + '@' + std::to_string(w.window.start.milliseconds()) + '/' + std::to_string(w.window.end.milliseconds());
}
template <class T, class Out> void write(const T& table, const Out& topic) {
  table.to_stream().map([](const Key& w, const auto& v) { return KeyValue{label(w), v}; }).to(topic);
}
constexpr Duration d(std::int64_t milliseconds) { return Duration{milliseconds}; }
auto tens() { return tumbling(d(10)); }

void send_all(TestInput<std::string, std::string>& input, const std::vector<std::pair<std::string, std::int64_t>>& records) {
  for (const auto& [key, time] : records) CHECK(input.send(key, "v", ms(time)).ok());
}

/// What a topology makes of some records, with a crash behind one of them, or nowhere.
std::string with_a_crash(const std::function<void(Topology&)>& build, const std::vector<std::pair<std::string, std::int64_t>>& records,
                         std::size_t behind, Disk disk, bool commit_each_send) {
  Topology topology{"crash"};
  build(topology);
  TestDriver t{topology, {.commit_each_send = commit_each_send}};
  auto input = t.input(in);
  auto output = t.output(windowed);
  for (std::size_t i = 0; i < records.size(); ++i) {
    CHECK(input.send(records[i].first, "v", ms(records[i].second)).ok());
    if (!commit_each_send && i % 3 == 2) CHECK(t.commit().ok());
    if (i == behind) t.restart(disk);
  }
  CHECK(t.commit().ok());
  return take_timed(output);
}

const std::vector<std::pair<std::string, std::int64_t>> script{{"a", 1}, {"b", 3},  {"a", 12}, {"a", 9},  {"b", 14}, {"c", 2},  {"a", 31},
                                                               {"b", 8}, {"b", 33}, {"a", 55}, {"c", 41}, {"a", 57}, {"b", 90}, {"a", 91}};

void check_crashes(const std::function<void(Topology&)>& build) {
  for (const bool commit_each_send : {true, false}) {
    const std::string undisturbed = with_a_crash(build, script, script.size(), Disk::kept, commit_each_send);
    CHECK(!undisturbed.empty());
    for (std::size_t behind = 0; behind < script.size(); ++behind) {
      for (const Disk disk : {Disk::kept, Disk::lost}) {
        CAPTURE(behind);
        CHECK(with_a_crash(build, script, behind, disk, commit_each_send) == undisturbed);
      }
    }
  }
}

std::string problems(const Topology& topology) {
  std::string text;
  for (const Problem& problem : topology.check()) text += problem.message + '\n';
  return text;
}

}  // namespace

TEST_CASE("windows: a tumbling count has a row for each window, and drops what is too late") {
  Topology topology{"windows"};
  const auto rows = topology.stream(in).group_by_key().windowed_by(tens().grace(d(5))).count("n");
  write(rows, windowed);
  TestDriver t{topology};
  auto input = t.input(in);
  auto output = t.output(windowed);
  send_all(input, {{"a", 3}, {"a", 12}, {"a", 4}, {"a", 14}, {"a", 5}, {"a", 15}, {"a", 6}});
  CHECK(take_timed(output) == "a@0/10=1@3 a@10/20=1@12 a@0/10=2@4 a@10/20=2@14 a@0/10=3@5 a@10/20=3@15");
  CHECK(t.counters().dropped == 1);
}

TEST_CASE("windows: a test can look at them, until they expire") {
  Topology topology{"windows"};
  const auto grouped = topology.stream(in).group_by_key();
  const auto rows = grouped.windowed_by(tens().grace(d(5))).count(table("n").retention(d(80)));
  const auto sessions = grouped.windowed_by(session(d(5)).no_grace()).count("s");
  TestDriver t{topology};
  auto input = t.input(in);
  send_all(input, {{"a", 3}, {"a", 12}, {"b", 14}, {"a", 15}});
  CHECK(t.windows(rows).get("a", Timestamp{10}) == 2);
  CHECK(t.windows(rows).get("a", Timestamp{20}) == std::nullopt);
  CHECK(t.windows(sessions).get("a", Timestamp{12}) == 2);
  const auto of_a = t.windows(rows).of("a");
  REQUIRE(of_a.size() == 2);
  CHECK(of_a[0].key == Window{Timestamp{0}, Timestamp{10}});
  for (const Disk disk : {Disk::kept, Disk::lost}) {
    t.restart(disk);
    CHECK(t.windows(rows).all().size() == 3);
  }
  send_all(input, {{"c", 95}});
  CHECK(t.windows(rows).all().size() == 3);  // those from 10 on
  t.restart(Disk::lost);
  CHECK(t.windows(rows).all().size() == 3);
  CHECK(t.windows(rows).of("a").size() == 1);
}

TEST_CASE("windows: a null key moves no clock and is dropped; a null value is shown to functions that take it") {
  Topology topology{"windows"};
  const auto groups = topology.stream(nullable).group_by_key().windowed_by(tens().no_grace());
  write(groups.count("n"), windowed);
  write(groups.reduce("joined", [](const std::string& a, const std::string& b) { return a + b; }), texts);
  TestDriver t{topology};
  auto input = t.input(nullable);
  auto output = t.output(windowed);
  auto joined = t.output(texts);
  CHECK(input.send_raw(std::nullopt, "x", ms(500)).ok());
  CHECK(input.send("a", "x", ms(1)).ok());
  CHECK(input.send_tombstone("a", ms(2)).ok());
  CHECK(take(output) == "a@0/10=1 a@0/10=2");
  CHECK(take(joined) == "a@0/10=x");
  CHECK(t.counters().dropped == 3);  // the null key twice, the null value by the reduce
}

TEST_CASE("windows: tables that keep their changes for the commit are joined as far as they have told") {
  Topology topology{"windows"};
  const auto kept = [&](const char* name, const auto& topic) {
    return topology.stream(topic).group_by_key().windowed_by(tens().no_grace()).count(table(name).emit(Emit::on_commit));
  };
  const auto left = kept("left", in), right = kept("right", nullable);
  write(left.join(right, [](std::int64_t l, std::int64_t r) { return 10 * l + r; }), windowed);
  TestDriver t{topology, {.commit_each_send = false}};
  auto lefts = t.input(in);
  auto rights = t.input(nullable);
  auto output = t.output(windowed);
  CHECK(lefts.send("a", "x", ms(1)).ok());
  CHECK(rights.send("a", "x", ms(2)).ok());
  CHECK(lefts.send("a", "x", ms(3)).ok());
  CHECK(t.commit().ok());
  CHECK(take(output) == "a@0/10=21");  // once, by the side that told last
  CHECK(rights.send("a", "x", ms(4)).ok());
  CHECK(lefts.send("a", "x", ms(5)).ok());
  CHECK(t.commit().ok());
  CHECK(take(output) == "a@0/10=31 a@0/10=32");
}

TEST_CASE("windows: a fold may erase its window") {
  Topology topology{"windows"};
  const auto fold = [](std::string& a, const std::string& v) {
    a += v;
    return v == "x" ? klamm::Entry::erase : klamm::Entry::keep;
  };
  write(topology.stream(in).group_by_key().windowed_by(tens().no_grace()).aggregate(table<std::string>("n").starting_at("-").fold(fold)),
        texts);
  TestDriver t{topology};
  auto input = t.input(in);
  auto output = t.output(texts);
  for (const char* value : {"a", "x", "b"}) CHECK(input.send("k", value, ms(1)).ok());
  CHECK(take(output) == "k@0/10=-a k@0/10=~ k@0/10=-b");
}

TEST_CASE("windows: sessions take each other in, and leave tombstones") {
  Topology topology{"windows"};
  write(topology.stream(in).group_by_key().windowed_by(session(d(5)).grace(d(20))).count("n"), windowed);
  TestDriver t{topology};
  auto input = t.input(in);
  auto output = t.output(windowed);
  send_all(input, {{"a", 10}, {"a", 20}, {"a", 15}});
  CHECK(take_timed(output) == "a@10/10=1@10 a@20/20=1@20 a@10/10=~@10 a@20/20=~@20 a@10/20=3@20");
}

TEST_CASE("windows: when they close each comes out once, however far time jumps, in the order of time and key") {
  Topology topology{"windows"};
  write(topology.stream(in).group_by_key().windowed_by(tens().no_grace()).count(table("n").emit(Emit::on_window_close)), windowed);
  TestDriver t{topology};
  auto input = t.input(in);
  auto output = t.output(windowed);
  send_all(input, {{"b", 3}, {"a", 5}, {"a", 7}, {"a", 18}});
  CHECK(take_timed(output) == "a@0/10=2@7 b@0/10=1@3");
  send_all(input, {{"c", 1'000'000'000'000}});
  CHECK(take_timed(output) == "a@10/20=1@18");
  send_all(input, {{"c", 1'000'000'000'009}, {"c", 7}});
  CHECK(take_timed(output) == "");
  CHECK(t.counters().dropped == 1);
}

TEST_CASE("windows: with Emit::on_commit each window is told once per commit") {
  Topology topology{"windows"};
  write(topology.stream(in).group_by_key().windowed_by(tens().no_grace()).count(table("n").emit(Emit::on_commit)), windowed);
  TestDriver t{topology, {.commit_each_send = false}};
  auto input = t.input(in);
  auto output = t.output(windowed);
  send_all(input, {{"a", 3}, {"b", 4}, {"a", 5}, {"a", 11}});
  CHECK(t.commit().ok());
  CHECK(take_timed(output) == "a@0/10=2@5 b@0/10=1@4 a@10/20=1@11");
}

TEST_CASE("windows: a crash behind any record changes nothing, with the disk and without it") {
  check_crashes([](Topology& t) { write(t.stream(in).group_by_key().windowed_by(hopping(d(10), d(5)).grace(d(8))).count("n"), windowed); });
  check_crashes([](Topology& t) { write(t.stream(in).group_by_key().windowed_by(sliding(d(10)).grace(d(8))).count("n"), windowed); });
  check_crashes([](Topology& t) { write(t.stream(in).group_by_key().windowed_by(session(d(6)).grace(d(8))).count("n"), windowed); });
}
TEST_CASE("windows: nor does it where windows are told of when they close, or held back") {
  check_crashes([](Topology& t) {
    write(t.stream(in).group_by_key().windowed_by(tens().grace(d(8))).count(table("n").emit(Emit::on_window_close)), windowed);
  });
  check_crashes([](Topology& t) {
    write(t.stream(in).group_by_key().windowed_by(session(d(6)).no_grace()).count(table("n").emit(Emit::on_window_close)), windowed);
  });
  check_crashes([](Topology& t) {
    write(t.stream(in).group_by_key().windowed_by(tens().grace(d(8))).count("n").suppress(until_window_closes()), windowed);
  });
  check_crashes([](Topology& t) {
    write(t.stream(in)
              .group_by_key()
              .windowed_by(tens().grace(d(8)))
              .count("n")
              .suppress(until_time_limit(d(20), max_records(2).emit_early())),
          windowed);
  });
  check_crashes([](Topology& t) {
    write(t.stream(in)
              .group_by_key()
              .windowed_by(tens().grace(d(8)))
              .count("n")
              .suppress(until_time_limit(d(20), max_bytes(70).emit_early())),
          windowed);
  });
}

TEST_CASE("windows: the changelog is let go of as windows expire") {
  Topology topology{"windows"};
  topology.stream(in).group_by_key().windowed_by(tens().no_grace()).count(table("n").retention(d(40)));
  TestDriver t{topology};
  auto input = t.input(in);
  auto log = t.output(Topic<std::string, std::int64_t>{"windows-n-changelog"});
  for (std::int64_t time = 0; time < 1000; ++time) CHECK(input.send("a", "v", ms(time)).ok());
  const auto records = log.read_raw();
  CHECK(records.size() < 60);
  CHECK(records.back().offset == 999);
  t.restart(Disk::lost);
  CHECK(t.status().ok());
  CHECK(input.send("a", "v", ms(999)).ok());
  CHECK(log.read_raw().size() == 1);
}

TEST_CASE("windows: a strict suppress that is full stops the application and says what to do") {
  Topology topology{"windows"};
  write(topology.stream(in).group_by_key().windowed_by(tens().no_grace()).count("n").suppress(until_window_closes(max_records(2).stop())),
        windowed);
  TestDriver t{topology, {.on_error = skip()}};
  auto input = t.input(in);
  send_all(input, {{"a", 1}, {"b", 1}, {"a", 2}});
  const Status status = input.send("c", "v", ms(3));
  CHECK(status.code() == Code::resource_exhausted);
  CHECK(status.message() ==
        "topic \"in\" partition 0 offset 3: operator \"n-suppress\" holds back more than its limit of 2 records: raise it, or let it "
        "emit_early()");
}

TEST_CASE("windows: a suppressed change has the old value that was told before, and look-ups see that one, too") {
  Topology topology{"windows"};
  const auto rows = topology.stream(in).group_by_key().count("n");
  rows.suppress(until_time_limit(d(10)))
      .group_by([](std::int64_t n) { return n; })
      .count("rests")
      .to(Topic<std::int64_t, std::int64_t>{"rests"});
  TestDriver t{topology};
  auto input = t.input(in);
  auto rests = t.output(Topic<std::int64_t, std::int64_t>{"rests"});
  send_all(input, {{"a", 1}, {"a", 2}, {"b", 11}, {"a", 12}, {"a", 13}, {"b", 30}});
  CHECK(take(rests) == "2=1 2=2 2=1 4=1");
}

TEST_CASE("windows: wrong ones are told of before start") {
  const auto problem_with = [](const std::function<void(Topology&)>& build) {
    Topology topology{"windows"};
    build(topology);
    return problems(topology);
  };
  const auto windows = [](const auto& w, Duration retention = {}) {
    return [w, retention](Topology& t) { t.stream(in).group_by_key().windowed_by(w).count(table("n").retention(retention)); };
  };
  CHECK(problem_with(windows(tens().no_grace())) == "");
  CHECK(problem_with(windows(hopping(d(10), d(11)).no_grace())) ==
        "windowed_by: advance 11 ms is more than the size 10 ms: records between two windows would be lost\n");
  CHECK(problem_with(windows(tumbling(d(0)).no_grace())) == "windowed_by: size 0 ms: a window must be longer than nothing\n");
  CHECK(problem_with(windows(hopping(d(10), d(0)).no_grace())) == "windowed_by: advance 0 ms: windows must move on by more than nothing\n");
  CHECK(problem_with(windows(tens().grace(d(-1)))) ==
        "windowed_by: grace(-1 ms): the time to wait for late records must not be negative\n");
  CHECK(problem_with(windows(session(d(0)).no_grace())) == "windowed_by: gap 0 ms: sessions must be more than nothing apart\n");
  CHECK(problem_with(windows(sliding(d(-1)).no_grace())) == "windowed_by: difference -1 ms: it must not be negative\n");
  CHECK(problem_with(windows(tens().grace(d(5)), d(14))) ==
        "table \"n\": retention(14 ms): its windows may change for 15 ms, and must be kept as long\n");
  CHECK(problem_with(windows(tens().grace(d(5)), d(15))) == "");
  CHECK(problem_with([](Topology& t) { t.stream(in).group_by_key().count(table("n").retention(d(5))); }) ==
        "table \"n\": retention: its rows are kept for ever; only windowed tables have one\n");
  CHECK(problem_with([](Topology& t) { t.stream(in).group_by_key().count(table("n").emit(Emit::on_window_close)); }) ==
        "table \"n\": Emit::on_window_close: it has no windows: group with windowed_by\n");
  CHECK(problem_with([](Topology& t) { t.stream(in).group_by_key().count("n").suppress(until_time_limit(d(-1))).to(numbers); }) ==
        "suppress \"n-suppress\": the time limit must not be negative\n");
}

TEST_CASE("windows: keys are written as Kafka Streams does") {
  Bytes session_key, time_key;
  const Key key{"k", {Timestamp{1}, Timestamp{258}}};
  CHECK(detail::encode(key, session_key).ok());
  CHECK(std::string{reinterpret_cast<const char*>(session_key.data()), session_key.size()} ==
        std::string{"k\0\0\0\0\0\0\1\2\0\0\0\0\0\0\0\1", 17});
  const TimeWindowedKeys<std::string> keys{d(257)};
  CHECK(keys.encode(key, time_key).ok());
  CHECK(std::string{reinterpret_cast<const char*>(time_key.data()), time_key.size()} == std::string{"k\0\0\0\0\0\0\0\1", 9});
  Key decoded;
  CHECK(keys.decode(time_key, decoded).ok());
  CHECK(decoded == key);
  CHECK(!keys.decode(BytesView{time_key}.first(7), decoded).ok());
  CHECK(check_serde<Key>({{}, key, {"", {Timestamp{5}, Timestamp{5}}}}).empty());
}

}  // namespace klamm::testing
