#include <sstream>

#include "punctuation_scenarios.hpp"
#include "support.hpp"

using namespace klamm::testing;

namespace {

using klamm::Duration;
using klamm::Time;
using klamm::Timestamp;
using Optional = klamm::Topic<std::optional<std::string>, std::optional<std::string>>;
const Optional nullable_in{"in"}, nullable_out{"out"};
using Numbers = klamm::KeyValueStore<std::string, std::int64_t>;

/// Counts records, and sends the count at each punctuation. What it counts is in a store, so that it survives restarts.
struct Ticker {
  using Context = klamm::Context<std::optional<std::string>, std::optional<std::string>>;
  struct Options {
    Time time = Time::stream;
    Duration every{10};
    std::int64_t cancel_after = 0;
    bool forward = false;
  };

  Ticker(Numbers& n, Context& c, const Options& o) : numbers{n}, context{c}, options{o} {
    punctuation = context.schedule(options.every, options.time, [this](Timestamp now) { tick(now); });
  }
  void process(const klamm::Record<std::optional<std::string>, const std::optional<std::string>>& record) {
    numbers.update("records", [](std::int64_t& n) { ++n; });
    if (options.forward) context.forward(record.key, record.value);
  }
  void tick(Timestamp now) {
    CHECK(now == context.timestamp());
    const std::int64_t* count = numbers.find("records");
    context.forward("tick", std::to_string(count == nullptr ? 0 : *count));
    numbers.erase("records");
    if (*numbers.update("ticks", [](std::int64_t& n) { ++n; }) == options.cancel_after) punctuation.cancel();
  }

  Numbers& numbers;
  Context& context;
  Options options;
  klamm::Punctuation punctuation;
};

klamm::Topology ticking(const Ticker::Options& options) {
  klamm::Topology t{"app"};
  const auto numbers = t.store<std::string, std::int64_t>("numbers");
  t.stream(nullable_in).process<Ticker>(numbers, klamm::with(options)).to(nullable_out);
  return t;
}

struct Step {
  std::string what;  ///< key=value@timestamp, or +milliseconds
  std::string out;
};
struct Scenario {
  Ticker::Options options;
  std::vector<Step> steps;
};
Scenario parsed(const char* line) {
  std::istringstream words{line};
  std::string time, word;
  std::int64_t every = 0;
  Scenario scenario;
  words >> time >> every >> scenario.options.cancel_after >> scenario.options.forward >> word;
  scenario.options.time = time == "wall" ? Time::wall_clock : Time::stream;
  scenario.options.every = Duration{every};
  while (words >> word) {
    if (word[0] != '>')
      scenario.steps.push_back({word, ""});
    else
      scenario.steps.back().out += (scenario.steps.back().out.empty() ? "" : " ") + word.substr(1);
  }
  return scenario;
}
void run(klamm::TestDriver& d, const std::string& step) {
  if (step[0] == '+') return d.advance_wall_clock(Duration{std::stoll(step)});
  const std::size_t equals = step.find('='), at = step.find('@');
  const auto part = [](std::string text) { return text == "~" ? std::optional<std::string>{} : text; };
  const auto key = part(step.substr(0, equals)), value = part(step.substr(equals + 1, at - equals - 1));
  REQUIRE(d.input(nullable_in).send_raw(key, value, ms(std::stoll(step.substr(at + 1)))).ok());
}

}  // namespace

TEST_CASE("punctuations come when Kafka Streams' come") {
  for (const char* line : punctuation_scenarios) {
    const Scenario scenario = parsed(line);
    const klamm::Topology topology = ticking(scenario.options);
    klamm::TestDriver d{topology};
    auto sink = d.output(nullable_out);
    for (const Step& step : scenario.steps) {
      run(d, step.what);
      INFO(line, "\nat ", step.what);
      CHECK(take_timed(sink) == step.out);
    }
  }
}

TEST_CASE("a crash after each step changes nothing of stream-time punctuations, with the stores' files kept or lost") {
  for (const char* line : punctuation_scenarios) {
    const Scenario scenario = parsed(line);
    if (scenario.options.time != Time::stream) continue;
    for (const klamm::Disk disk : {klamm::Disk::kept, klamm::Disk::lost}) {
      const klamm::Topology topology = ticking(scenario.options);
      klamm::TestDriver d{topology};
      auto sink = d.output(nullable_out);
      for (const Step& step : scenario.steps) {
        run(d, step.what);
        d.restart(disk);
        REQUIRE(d.status().ok());
        INFO(line, "\nat ", step.what);
        CHECK(take_timed(sink) == step.out);
      }
    }
  }
}

TEST_CASE("what was not committed before a crash is done again, punctuations too") {
  const klamm::Topology topology = ticking({.every = Duration{10}, .cancel_after = 3});
  for (int crash_after = 1; crash_after <= 7; ++crash_after) {
    klamm::TestDriver d{topology, {.commit_each_send = false}};
    auto sink = d.output(nullable_out);
    int n = 0;
    for (const int at : {3, 5, 12, 14, 25, 31, 47}) {
      run(d, "k=v@" + std::to_string(at));
      if (++n == 2) REQUIRE(d.commit().ok());
      if (n == crash_after) d.restart(crash_after % 2 == 0 ? klamm::Disk::kept : klamm::Disk::lost);
    }
    REQUIRE(d.commit().ok());
    INFO("crash after record ", crash_after);
    CHECK(take_timed(sink) == "tick=1@3 tick=2@12 tick=2@25");
    CHECK(d.table<std::string, std::int64_t>("numbers").get("ticks") == 3);
  }
}

TEST_CASE("wall-clock punctuations begin anew with the task, cancelled ones stay cancelled") {
  const klamm::Topology topology = ticking({.time = Time::wall_clock, .every = Duration{10}, .cancel_after = 3});
  klamm::TestDriver d{topology};
  auto sink = d.output(nullable_out);
  d.advance_wall_clock(Duration{14});
  CHECK(take_timed(sink) == "tick=0@14");
  d.restart(klamm::Disk::kept);  // aligned at 14 now
  d.advance_wall_clock(Duration{9});
  CHECK(take_timed(sink) == "");
  d.advance_wall_clock(Duration{1});
  CHECK(take_timed(sink) == "tick=0@24");
  d.advance_wall_clock(Duration{10});
  CHECK(take_timed(sink) == "tick=0@34");
  for (const klamm::Disk disk : {klamm::Disk::kept, klamm::Disk::lost}) {
    d.restart(disk);
    d.advance_wall_clock(Duration{100});
    CHECK(take_timed(sink) == "");
  }
}

TEST_CASE("several schedules are due in the order of their times, then of the calls, and each is remembered for itself") {
  struct Many {
    using Context = klamm::Context<std::string, std::string>;
    explicit Many(Context& c) : context{c} {
      const auto call = [this](const char* name) { return [this, name](Timestamp) { context.forward(name, ""); }; };
      context.schedule(Duration{20}, Time::stream, call("a20"));
      context.schedule(Duration{10}, Time::stream, call("b10"));
      auto never = context.schedule(Duration{1}, Time::stream, call("never"));
      never.cancel();
      context.schedule(Duration{30}, Time::stream, call("c30"));
    }
    void process(const klamm::Record<std::string, const std::string>&) {}
    Context& context;
  };
  klamm::Topology t{"app"};
  t.stream(in).process<Many>().to(out);
  klamm::TestDriver d{t};
  auto sink = d.output(out);
  for (const int at : {1, 10, 15, 25, 61}) {
    CHECK(d.input(in).send("k", "v", ms(at)).ok());
    d.restart(klamm::Disk::lost);
  }
  CHECK(take_timed(sink) == "a20=@1 b10=@1 c30=@1 b10=@10 a20=@25 b10=@25 b10=@61 c30=@61 a20=@61");
}

TEST_CASE("a punctuation may schedule others and end them, and what is scheduled later ends with its processor") {
  struct Later {
    using Context = klamm::Context<std::string, std::string>;
    Context& context;
    klamm::Punctuation later;
    void process(const klamm::Record<std::string, const std::string>& record) {
      if (record.value == "begin")
        later = context.schedule(Duration{10}, Time::stream, [this](Timestamp) { context.forward("later", ""); });
      if (record.value == "end") later.cancel();
    }
  };
  klamm::Topology t{"app"};
  t.stream(in).process<Later>().to(out);
  klamm::TestDriver d{t};
  auto sink = d.output(out);
  const auto send = [&](const char* value, int at) { CHECK(d.input(in).send("k", value, ms(at)).ok()); };
  send("", 5);
  send("begin", 6);
  CHECK(take_timed(sink) == "later=@6");
  send("", 12);
  send("end", 22);
  send("", 40);
  CHECK(take_timed(sink) == "later=@12");
  send("begin", 41);
  CHECK(take_timed(sink) == "later=@41");
  d.restart(klamm::Disk::kept);
  send("", 99);
  CHECK(take_timed(sink) == "");
}

TEST_CASE("many records of one batch: each punctuation comes right behind its record") {
  std::vector<klamm::RawMessage> batch;
  const std::string key = "k", value = "v";
  for (int i = 0; i < 5; ++i) batch.push_back({klamm::detail::view_of(key), klamm::detail::view_of(value), Timestamp{i * 6}, i, 0});
  std::string seen;
  klamm::Topology t{"app"};
  struct Logs {
    using Context = klamm::Context<>;
    Logs(Context& context, std::string* l) : log{*l} {
      context.schedule(Duration{10}, Time::stream, [this](Timestamp now) { log += "tick@" + std::to_string(now.milliseconds()) + ' '; });
    }
    void process(const klamm::Record<std::string, const std::string>& r) { log += std::to_string(r.timestamp().milliseconds()) + ' '; }
    std::string& log;
  };
  t.stream(in).process<Logs>(klamm::with(&seen));
  klamm::TestDriver d{t};
  const klamm::Status status = d.feed(in, batch);
  INFO(status.message());
  REQUIRE(status.ok());
  CHECK(seen == "0 tick@0 6 12 tick@12 18 24 tick@24 ");
}

TEST_CASE("a punctuation that throws obeys the policy of process: there is no record to bury") {
  struct Throws {
    using Context = klamm::Context<std::string, std::string>;
    explicit Throws(Context& context) {
      context.schedule(Duration{10}, Time::wall_clock, [&context](Timestamp) {
        context.forward("tick", "");
        throw std::runtime_error{"no good"};
      });
    }
    void process(const klamm::Record<std::string, const std::string>&) {}
  };
  klamm::Topology t{"app"};
  t.stream(in).process<Throws>().to(out);
  for (const auto& policy : {klamm::skip(), klamm::dead_letter("dead")}) {
    klamm::TestDriver d{t, {.on_error = policy}};
    auto sink = d.output(out);
    d.advance_wall_clock(Duration{10});
    d.advance_wall_clock(Duration{10});
    CHECK(d.status().ok());
    CHECK(d.counters().skipped == 2);
    CHECK(take_timed(sink) == "tick=@10 tick=@20");
    if (!policy.topic().empty()) CHECK(d.output(Text{"dead"}).read_raw().empty());
  }
  klamm::TestDriver d{t};
  d.advance_wall_clock(Duration{10});
  CHECK(d.status().code() == klamm::Code::failed_record);
  CHECK(d.status().message().find("topic \"in\" partition 0 without a record, at 10 ms: operator \"in.process\": threw: no good") == 0);
  CHECK(d.output(out).read().empty());
}

TEST_CASE("an interval that is none stops the application with a reason") {
  struct Zero {
    using Context = klamm::Context<>;
    explicit Zero(Context& context) {
      context.schedule(Duration{}, Time::stream, [](Timestamp) {});
    }
    void process(const klamm::Record<std::string, const std::string>&) {}
  };
  klamm::Topology t{"app"};
  t.stream(in).process<Zero>();
  klamm::TestDriver d{t};
  CHECK(d.status().message() == "operator \"in.process\": schedule(every, time, f): every is 0 ms: say at least 1 ms and what to call");
}

TEST_CASE("process_values can't forward without a record, and says what to use") {
  struct Values {
    using Context = klamm::ValueContext<std::string>;
    explicit Values(Context& context) {
      context.schedule(Duration{10}, Time::stream, [&context](Timestamp) { context.forward("tick"); });
    }
    void process(const klamm::Record<std::string, const std::string>&) {}
  };
  klamm::Topology t{"app"};
  t.stream(in).process_values<Values>().to(out);
  klamm::TestDriver d{t};
  const klamm::Status status = d.input(in).send("k", "v");
  CHECK(status.code() == klamm::Code::invalid_argument);
  CHECK(status.message().find("use process and klamm::Context to forward from punctuations and close") != std::string::npos);
}
