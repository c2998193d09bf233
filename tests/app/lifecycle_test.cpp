// Calls in every order, from every thread, and functions that throw where nobody expects it.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>

#include "klamm/app.hpp"
#include "klamm/klamm.hpp"
#include "support/temporary_directory.hpp"

using namespace std::chrono_literals;

namespace {

const klamm::Topic<std::string, std::int64_t> in{"in"};

void quiet(klamm::Level, std::string_view, std::string_view, std::span<const klamm::Field>) {}

klamm::Topology counted(const char* name = "counted") {
  klamm::Topology topology{name};
  topology.stream(in).group_by_key().count("n");
  return topology;
}

}  // namespace

TEST_CASE("options that can't be right are reported together, and nothing is started") {
  const klamm::Topology topology = counted();
  klamm::App app{topology, {.threads = 0, .partitions = -1, .max_pending_bytes = 0, .log_sink = quiet}};
  const klamm::Status status = app.start();
  CHECK(status.code() == klamm::Code::invalid_argument);
  for (const char* part : {"log", "threads", "partitions", "max_pending_bytes"}) CHECK(status.message().find(part) != std::string::npos);
  CHECK(app.status().state == klamm::State::failed);
  CHECK(!app.start().ok());
}

TEST_CASE("wait and stop from several threads all come back") {
  for (int round = 0; round < 20; ++round) {
    const klamm::Topology topology = counted();
    klamm::App app{topology, {.log = klamm::in_memory(), .log_sink = quiet}};
    REQUIRE(app.start().ok());
    std::thread waiting{[&app] { CHECK(app.wait().ok()); }};
    std::thread stopping{[&app] { CHECK(app.stop(10s).ok()); }};
    CHECK(app.stop(10s).ok());
    waiting.join();
    stopping.join();
    CHECK(app.status().state == klamm::State::stopped);
  }
}

TEST_CASE("stopping from a listener or an operator asks for it, and does not wait for itself") {
  klamm::Topology topology{"self"};
  klamm::App* running = nullptr;
  std::atomic<int> refused{0};
  topology.stream(in).for_each([&](std::int64_t) {
    if (running->stop(1s).code() == klamm::Code::failed_precondition) ++refused;
    if (running->query<std::int64_t>("n").get<std::string>("k").status().code() == klamm::Code::not_found) ++refused;
  });
  klamm::App app{topology, {.log = klamm::in_memory(), .log_sink = quiet}};
  running = &app;
  app.on_state([&](klamm::State state) {
    if (state.final() && app.wait().code() == klamm::Code::failed_precondition) ++refused;
  });
  REQUIRE(app.start().ok());
  CHECK(app.producer(in).send("k", 1).ok());
  CHECK(app.wait().ok());
  CHECK(refused == 3);
}

TEST_CASE("functions that throw become a status, or a line in the log") {
  SUBCASE("a factory of per_task") {
    klamm::Topology topology{"factory"};
    topology.stream(in)
        .map(klamm::per_task([]() -> std::int64_t (*)(std::int64_t) { throw std::runtime_error{"no parser"}; }))
        .for_each([](std::int64_t) {});
    klamm::App app{topology, {.log = klamm::in_memory(), .log_sink = quiet}};
    const klamm::Status status = app.start();
    CHECK(status.message().find("no parser") != std::string::npos);
    CHECK(app.status().state == klamm::State::failed);
  }
  SUBCASE("on_thread_start") {
    const klamm::Topology topology = counted();
    klamm::App app{topology, {.log = klamm::in_memory(), .log_sink = quiet, .on_thread_start = [](int) { throw 1; }}};
    CHECK(app.start().ok());
    CHECK(app.wait().message().find("on_thread_start") != std::string::npos);
  }
  SUBCASE("on_state and log_sink") {
    const klamm::Topology topology = counted();
    klamm::App app{topology,
                   {.log = klamm::in_memory(),
                    .log_sink = [](klamm::Level, std::string_view, std::string_view, std::span<const klamm::Field>) { throw 1; }}};
    app.on_state([](klamm::State) { throw 1; });
    CHECK(app.start().ok());
    CHECK(app.stop(10s).ok());
  }
}

TEST_CASE("after a stop the directory is free, and producers and queries say that it has stopped") {
  const klamm::testing::TemporaryDirectory directory;
  const klamm::Topology topology = counted();
  klamm::App first{topology, {.log = klamm::embedded(directory.path()), .log_sink = quiet}};
  REQUIRE(first.start().ok());
  const auto producer = first.producer(in);
  CHECK(producer.send("k", 1).ok());
  CHECK(first.drain(10s) == true);
  CHECK(first.stop(10s).ok());
  CHECK(first.status().processed == 1);
  CHECK(producer.send("k", 1).code() == klamm::Code::cancelled);
  CHECK(first.query<std::int64_t>("n").get<std::string>("k").status().code() == klamm::Code::unavailable);
  klamm::App second{topology, {.log = klamm::embedded(directory.path()), .log_sink = quiet}};
  REQUIRE(second.start().ok());
  CHECK(second.drain(10s) == true);
  CHECK(second.query<std::int64_t>("n").get<std::string>("k") == std::optional<std::int64_t>{1});
}

TEST_CASE("a feeder that is opened again goes on where the last one stopped, flushed or not") {
  const klamm::testing::TemporaryDirectory directory;
  const klamm::Topology topology = counted();
  klamm::App app{topology, {.log = klamm::embedded(directory.path()), .log_sink = quiet}};
  REQUIRE(app.start().ok());
  for (int round = 0; round < 10; ++round) {
    auto feeder = app.feeder(in, "numbers");
    const auto position = feeder.position();
    REQUIRE(position.ok());
    CHECK(*position == round * 10);
    for (std::int64_t i = *position; i < *position + 10; ++i) CHECK(feeder.send("k", i, i + 1).ok());
  }
  CHECK(app.drain(10s) == true);
  CHECK(app.query<std::int64_t>("n").get<std::string>("k") == std::optional<std::int64_t>{100});
}

TEST_CASE("an embedded log counts exactly once also where at least once is asked for, and commits each second then") {
  const klamm::testing::TemporaryDirectory directory;
  const klamm::Topology topology = counted();
  for (int run = 1; run <= 2; ++run) {
    klamm::App app{topology, {.log = klamm::embedded(directory.path()), .guarantee = klamm::Guarantee::at_least_once, .log_sink = quiet}};
    REQUIRE(app.start().ok());
    auto producer = app.producer(in);
    for (std::int64_t i = 0; i < 100; ++i) REQUIRE(producer.send("k", i).ok());
    REQUIRE(producer.flush().ok());
    std::this_thread::sleep_for(300ms);
    CHECK(app.status().commits == 0);
    REQUIRE(app.drain(20s) == true);
    CHECK(app.query<std::int64_t>("n").get(std::string{"k"}) == std::optional<std::int64_t>{100 * run});
    REQUIRE(app.stop(20s).ok());
  }
}

TEST_CASE("a forked child that asks to stop does not touch its parent") {
  const klamm::Topology topology = counted();
  klamm::App app{topology, {.log = klamm::in_memory(), .log_sink = quiet}};
  REQUIRE(app.start().ok());
  if (const pid_t child = ::fork(); child == 0) {
    app.request_stop();
    ::_exit(0);
  } else {
    ::waitpid(child, nullptr, 0);
  }
  std::this_thread::sleep_for(100ms);
  CHECK(app.status().state == klamm::State::running);
  CHECK(app.stop(10s).ok());
}

TEST_CASE("a source table whose topic has let go of its records is refused when its store is gone") {
  const klamm::testing::TemporaryDirectory directory;
  klamm::Topology topology{"purged"};
  auto table = topology.table(in, "table");
  topology.stream(klamm::Topic<std::string, std::int64_t>{"other"})
      .join(table, [](std::int64_t a, std::int64_t b) { return a + b; })
      .for_each([](std::int64_t) {});
  klamm::Topology streamed{"purged"};
  streamed.stream(in).for_each([](std::int64_t) {});
  const auto options = [&] {
    return klamm::AppOptions{.log = klamm::embedded(directory.path(), klamm::Retention::until_committed),
                             .partitions = 1,
                             .commit_interval = 1ms,
                             .log_sink = quiet};
  };
  {
    klamm::App app{streamed, options()};
    REQUIRE(app.start().ok());
    const auto producer = app.producer(in);
    for (std::int64_t i = 0; i < 3000; ++i) CHECK(producer.send("k" + std::to_string(i), i).ok());
    CHECK(app.drain(10s) == true);
    CHECK(producer.send("last", 1).ok());
    CHECK(app.drain(10s) == true);
    CHECK(app.stop(10s).ok());
  }
  klamm::App app{topology, options()};
  const klamm::Status status = app.start();
  CHECK(status.code() == klamm::Code::failed_precondition);
  CHECK(status.message().find("has let go of") != std::string::npos);
}

TEST_CASE("a source table keeps its topic under until_committed, so a deleted store comes back whole") {
  const klamm::testing::TemporaryDirectory directory;
  klamm::Topology topology{"kept"};
  auto table = topology.table(in, "table");
  topology.stream(klamm::Topic<std::string, std::int64_t>{"other"})
      .join(table, [](std::int64_t a, std::int64_t b) { return a + b; })
      .for_each([](std::int64_t) {});
  for (int round = 0; round < 2; ++round) {
    klamm::App app{topology,
                   {.log = klamm::embedded(directory.path(), klamm::Retention::until_committed),
                    .partitions = 1,
                    .commit_interval = 1ms,
                    .log_sink = quiet}};
    REQUIRE(app.start().ok());
    const auto producer = app.producer(in);
    for (std::int64_t i = 0; i < 2000; ++i) CHECK(producer.send("k" + std::to_string(round * 2000 + i), i).ok());
    CHECK(app.drain(10s) == true);
    CHECK(app.query<std::int64_t>("table").count() == 2000 * (round + 1));
    CHECK(app.stop(10s).ok());
    std::filesystem::remove_all(directory.path() + "/stores");
  }
}

TEST_CASE("start_at(latest) leaves out what was there when the topic was first read, and nothing that comes later") {
  for (const klamm::Start start : {klamm::Start::earliest, klamm::Start::latest}) {
    CAPTURE(static_cast<int>(start));
    const klamm::testing::TemporaryDirectory directory;
    const klamm::Topic<std::string, std::int64_t> copied{"copied"};
    const klamm::AppOptions options{.log = klamm::embedded(directory.path()), .partitions = 1, .log_sink = quiet};
    const auto run = [&](const klamm::Topology& topology, std::int64_t value) {
      klamm::App app{topology, options};
      REQUIRE(app.start().ok());
      if (value != 0) REQUIRE(app.producer(in).send("k", value).ok());
      REQUIRE(*app.drain(10s));
      REQUIRE(app.stop(10s).ok());
    };
    klamm::Topology before{"app"};
    before.stream(in).to(copied);
    run(before, 1);

    klamm::Topology after{"app"};
    after.stream(in).to(copied);
    after.stream(copied.start_at(start)).group_by_key().reduce("sum", [](std::int64_t a, std::int64_t b) { return a + b; });
    run(after, 0);  // nothing new: only the place where it began is committed
    run(after, 10);
    klamm::App app{after, options};
    REQUIRE(app.start().ok());
    klamm::Result<std::optional<std::int64_t>> sum = app.query<std::int64_t>("sum").get(std::string{"k"});
    for (int i = 0; i < 100 && !sum.ok(); ++i) {
      std::this_thread::sleep_for(20ms);
      sum = app.query<std::int64_t>("sum").get(std::string{"k"});
    }
    REQUIRE(sum.ok());
    CHECK((*sum).value_or(-1) == (start == klamm::Start::latest ? 10 : 11));
  }
}

TEST_CASE("drain waits for what was sent by producers that nobody holds any more, however many") {
  const klamm::testing::TemporaryDirectory directory;
  const klamm::Topology topology = counted();
  klamm::App app{topology, {.log = klamm::embedded(directory.path()), .log_sink = quiet}};
  REQUIRE(app.start().ok());
  for (int i = 0; i < 100; ++i) REQUIRE(app.producer(in).send("k", i).ok());
  CHECK(*app.drain(20s));
  CHECK(*app.query<std::int64_t>("n").get(std::string{"k"}) == 100);
}

namespace {

const klamm::Topic<std::string, std::string> told{"told"};

/// Tells of its end, and of each tick.
struct Teller {
  using Context = klamm::Context<std::string, std::string>;
  explicit Teller(Context& c) : context{c} {
    ticker = context.schedule(2ms, klamm::Time::wall_clock, [this](klamm::Timestamp) {
      context.forward("tick", "");
      if (++ticks == 3) ticker.cancel();
    });
  }
  void process(const klamm::Record<std::string, const std::int64_t>& record) { last = record.value; }
  void close() { context.forward("closed", std::to_string(last)); }

  Context& context;
  klamm::Punctuation ticker;
  int ticks = 0;
  std::int64_t last = 0;
};

/// How often each key stands in the topic `told` of a directory.
std::map<std::string, int> told_in(const std::string& directory) {
  std::mutex mutex;
  std::map<std::string, int> found;
  klamm::Topology topology{"reader"};
  topology.stream(told).for_each([&](const std::string& key, const std::string& value) {
    const std::lock_guard lock{mutex};
    ++found[key + value];
  });
  klamm::App app{topology, {.log = klamm::embedded(directory), .application_id = "teller", .log_sink = quiet}};
  REQUIRE(app.start().ok());
  REQUIRE(app.drain(30s) == true);
  REQUIRE(app.stop(30s).ok());
  return found;
}

}  // namespace

TEST_CASE("wall-clock punctuations wake an idle worker, and close() forwards into the last commit") {
  const klamm::testing::TemporaryDirectory directory;
  {
    klamm::Topology topology{"teller"};
    topology.stream(in).process<Teller>().to(told);
    klamm::App app{topology, {.log = klamm::embedded(directory.path()), .partitions = 1, .commit_interval = 5ms, .log_sink = quiet}};
    REQUIRE(app.start().ok());
    auto producer = app.producer(in);
    REQUIRE(producer.send("k", 41).ok());
    REQUIRE(producer.send("k", 42).ok());
    REQUIRE(producer.flush().ok());
    REQUIRE(app.drain(30s) == true);
    std::this_thread::sleep_for(100ms);  // no record comes: only the clock moves
    REQUIRE(app.stop(30s).ok());
  }
  const std::map<std::string, int> found = told_in(directory.path());
  CHECK(found == std::map<std::string, int>{{"tick", 3}, {"closed42", 1}});
}

TEST_CASE("close() is not called after a failure, and what it throws goes to the error policy") {
  static std::atomic<int> closed;
  struct Throws {
    using Context = klamm::Context<>;
    explicit Throws(Context&) {}
    void process(const klamm::Record<std::string, const std::int64_t>& record) {
      if (record.value < 0) throw std::runtime_error{"negative"};
    }
    void close() {
      ++closed;
      throw std::runtime_error{"can't end"};
    }
  };
  for (const std::int64_t value : {-1, 1}) {
    closed = 0;
    klamm::Topology topology{"throws"};
    topology.stream(in).process<Throws>();
    klamm::App app{topology, {.log = klamm::in_memory(), .partitions = 1, .log_sink = quiet}};
    REQUIRE(app.start().ok());
    auto producer = app.producer(in);
    REQUIRE(producer.send("k", value).ok());
    static_cast<void>(producer.flush());  // fails where the application has stopped already
    if (value > 0) REQUIRE(app.drain(30s) == true);
    if (value < 0) static_cast<void>(app.wait());
    const klamm::Status status = app.stop(30s);
    CHECK(status.code() == klamm::Code::failed_record);
    CHECK(closed == (value < 0 ? 0 : 1));
    CHECK(status.message().find(value < 0 ? "negative" : "can't end") != std::string::npos);
  }
}
