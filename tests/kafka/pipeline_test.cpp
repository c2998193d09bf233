#include <map>

#include "klamm/klamm.hpp"
#include "log/partitioner.hpp"
#include "ports/clock.hpp"
#include "ports/executor.hpp"
#include "runtime/engine.hpp"
#include "support.hpp"
#include "support/temporary_directory.hpp"

namespace klamm::rdkafka::test {
namespace {

constexpr int groups = 11, partitions = 3;

/// A repartition, a table with a changelog, an output.
Topology pipeline(const std::string& name) {
  Topology topology{name.c_str()};
  topology.stream(Topic<std::string, std::int64_t>{(name + "-in").c_str()})
      .group_by([](std::int64_t v) { return v % groups; })
      .count("counts")
      .to(Topic<std::int64_t, std::int64_t>{(name + "-out").c_str()});
  return topology;
}

/// One process of the application: its own client, its own stores, two workers.
class Instance {
 public:
  Instance(const Topology& topology, const std::string& name, std::string state_dir, Guarantee guarantee, int standbys = 0) {
    KafkaOptions with = options();
    with.instance = name;
    log_ = open(with);
    runtime::Settings settings;
    settings.guarantee = guarantee;
    settings.state_dir = std::move(state_dir);
    settings.standby_replicas = standbys;
    settings.standby_placement = Duration{1'000};
    engine_ = std::make_unique<runtime::Engine>(topology.graph(), topology.graph().name, settings, *log_, ports::system_clock(),
                                                *background_, logger_);
    const Status started = engine_->start(2, partitions);
    REQUIRE_MESSAGE(started.ok(), started.message());
    engine_->run(nullptr);
    group_ = std::thread{[this] {
      while (!ended_) {
        const Status status = engine_->coordinate();
        if (!status.ok()) logger_(Level::error, "test", status.message(), {});
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
      }
    }};
  }
  ~Instance() { stop(); }
  void stop() {
    if (engine_ == nullptr) return;
    engine_->request_stop();
    CHECK(within(30, [&] { return engine_->finished(); }));
    ended_ = true;
    group_.join();
    engine_->join_threads();
    CHECK_MESSAGE(engine_->failure().ok(), engine_->failure().message());
    engine_.reset();
    log_.reset();
  }
  [[nodiscard]] const runtime::Engine& engine() const { return *engine_; }
  [[nodiscard]] std::size_t tasks() const {
    std::size_t count = 0;
    for (const auto& figures : engine_->figures()) count += figures->closed ? 0 : 1;
    return count;
  }

 private:
  std::unique_ptr<ports::Executor> background_ = ports::background_thread("test");
  runtime::Logger logger_{[](Level level, std::string_view component, std::string_view message, std::span<const Field>) {
                            if (level >= Level::warning) MESSAGE(std::string{component}, ": ", std::string{message});
                          },
                          ports::system_clock()};
  std::unique_ptr<log::Log> log_;
  std::unique_ptr<runtime::Engine> engine_;
  std::atomic<bool> ended_{false};
  std::thread group_;
};

std::int64_t number(BytesView bytes) {
  std::int64_t value = 0;
  for (const std::byte b : bytes) value = static_cast<std::int64_t>(static_cast<std::uint64_t>(value) << 8 | static_cast<unsigned char>(b));
  return value;
}

}  // namespace

TEST_CASE("kafka: a pipeline with a repartition and a table counts every record once while instances come and go") {
  const auto log = open();
  const std::string name = unique("pipeline");
  for (const char* suffix : {"-in", "-out"}) {
    const TopicState topic{.name = name + suffix, .partitions = partitions};
    REQUIRE(log->create(std::span{&topic, 1}).ok());
  }
  const auto in = must(log->inlet(name + "-in", ""));
  std::int64_t sent = 0;
  const auto feed = [&](int count) {
    for (int i = 0; i < count; ++i, ++sent) {
      Bytes key, value;
      serde<std::string>::encode("k" + std::to_string(sent % 97), key);
      serde<std::int64_t>::encode(sent, value);
      REQUIRE(in->send(log::partition_of(key, partitions), key, value, Timestamp{1'000 + sent}, {}, std::nullopt).ok());
    }
    REQUIRE(in->flush().ok());
  };
  const Topology topology = pipeline(name);
  const log::test::TemporaryDirectory one_dir, two_dir;
  // Per group, all that was put out, in order.
  std::map<std::int64_t, std::vector<std::int64_t>> out;
  std::vector<std::unique_ptr<log::Reader>> readers;
  for (log::Partition p = 0; p < partitions; ++p) readers.push_back(must(log->reader({name + "-out", p}, 0, nullptr)));
  const auto all_out = [&] {
    std::int64_t count = 0;
    for (const auto& reader : readers) {
      must(reader->poll(10'000, [&](std::span<const RawMessage> run) {
        for (const auto& message : run) out[number(message.key)].push_back(number(message.value));
        return run.size();
      }));
    }
    for (const auto& [group, counts] : out) count += std::ssize(counts);
    return count >= sent;
  };

  auto one = std::make_unique<Instance>(topology, "one", one_dir.path(), Guarantee::exactly_once);
  feed(3'000);
  CHECK(within(30, all_out));
  auto two = std::make_unique<Instance>(topology, "two", two_dir.path(), Guarantee::exactly_once);
  feed(2'000);
  CHECK(within(30, [&] { return two->tasks() != 0 && one->tasks() + two->tasks() == 2 * partitions; }));
  feed(2'000);
  CHECK(within(30, all_out));
  one->stop();
  feed(2'000);
  CHECK(within(30, all_out));
  two->stop();
  feed(1'000);
  auto again = std::make_unique<Instance>(topology, "one", one_dir.path(), Guarantee::exactly_once);
  CHECK(within(30, all_out));
  again->stop();

  std::int64_t sum = 0;
  for (const auto& [group, counts] : out) {
    for (std::size_t i = 0; i < counts.size(); ++i) CHECK(counts[i] == static_cast<std::int64_t>(i + 1));
    sum += std::ssize(counts);
  }
  CHECK(sum == sent);
}

TEST_CASE("kafka: what somebody else has written to a changelog is written again, at least once") {
  const auto log = open();
  const std::string name = unique("foreign"), in = name + "-in";
  const TopicState source{.name = in, .partitions = 1};
  REQUIRE(log->create(std::span{&source, 1}).ok());
  Topology topology{name.c_str()};
  topology.stream(Topic<std::string, std::string>{in.c_str()}).group_by_key().count("counts");
  const log::test::TemporaryDirectory directory;
  App app{topology,
          {.log = klamm::kafka(brokers(), {.session_timeout = Duration{6'000}}),
           .state_dir = directory.path(),
           .guarantee = Guarantee::at_least_once,
           .commit_interval = Duration{100},
           .log_sink = [](Level, std::string_view, std::string_view, std::span<const Field>) {}}};
  REQUIRE(app.start().ok());
  const auto inlet = must(log->inlet(in, ""));
  const auto send = [&](std::string_view key) {
    REQUIRE(inlet->send(0, bytes(key), bytes("v"), ports::system_clock().now(), {}, std::nullopt).ok());
    REQUIRE(inlet->flush().ok());
  };
  const std::string changelog = name + "-counts-changelog";
  const auto last = [&] {
    std::map<std::string, std::int64_t> rows;  // -1: a tombstone
    const auto reader = must(log->reader({changelog, 0}, 0, nullptr));
    CHECK(within(10, [&] {
      must(reader->poll(1'000, [&](std::span<const RawMessage> run) {
        for (const auto& m : run) rows[text(m.key)] = m.value.data() == nullptr ? -1 : number(m.value);
        return run.size();
      }));
      return reader->has_been_at_end();
    }));
    return rows;
  };
  for (const char* key : {"a", "b", "a", "c", "a"}) send(key);
  REQUIRE(within(30, [&] { return last() == std::map<std::string, std::int64_t>{{"a", 3}, {"b", 1}, {"c", 1}}; }));
  // A process that was frozen wakes up, and writes what it had counted long ago.
  const auto frozen = must(log->inlet(changelog, ""));
  Bytes old;
  serde<std::int64_t>::encode(1, old);
  REQUIRE(frozen->send(0, bytes("a"), old, Timestamp{1'000}, {}, std::nullopt).ok());
  REQUIRE(frozen->send(0, bytes("x"), old, Timestamp{1'000}, {}, std::nullopt).ok());
  REQUIRE(frozen->flush().ok());
  CHECK(last()["a"] == 1);
  send("b");  // the next commit sees it
  CHECK(within(20, [&] { return last() == std::map<std::string, std::int64_t>{{"a", 3}, {"b", 2}, {"c", 1}, {"x", -1}}; }));
  CHECK(app.stop(Duration{10'000}).ok());
}

TEST_CASE("kafka: a record that takes longer than a transaction may is processed all the same, once") {
  const auto log = open();
  const std::string name = unique("slow");
  const std::string in = name + "-in", out = name + "-out";
  for (const std::string& topic : {in, out}) {
    const TopicState state{.name = topic, .partitions = 1};
    REQUIRE(log->create(std::span{&state, 1}).ok());
  }
  constexpr int count = 1'500, slow = 1'000;
  const auto inlet = must(log->inlet(in, ""));
  for (int i = 0; i < count; ++i) {
    Bytes value;
    serde<std::int64_t>::encode(i, value);
    REQUIRE(inlet->send(0, bytes("k"), value, ports::system_clock().now(), {}, std::nullopt).ok());
  }
  REQUIRE(inlet->flush().ok());
  Topology topology{name.c_str()};
  std::atomic<int> slept{0};
  topology.stream(Topic<std::string, std::int64_t>{in.c_str()})
      .peek([&slept](std::int64_t v) {
        if (v != slow) return;
        ++slept;
        std::this_thread::sleep_for(std::chrono::milliseconds{2'500});
      })
      .to(Topic<std::string, std::int64_t>{out.c_str()});
  const log::test::TemporaryDirectory directory;
  App app{topology,
          {.log = klamm::kafka(brokers(), {.session_timeout = Duration{6'000}, .transaction_timeout = Duration{1'000}}),
           .state_dir = directory.path(),
           .log_sink = [](Level, std::string_view, std::string_view, std::span<const Field>) {}}};
  REQUIRE(app.start().ok());
  CHECK(must(app.drain(Duration{60'000})));
  CHECK(app.stop(Duration{10'000}).ok());
  std::vector<std::int64_t> found;
  const auto reader = must(log->reader({out, 0}, 0, nullptr));
  CHECK(within(20, [&] {
    must(reader->poll(10'000, [&](std::span<const RawMessage> run) {
      for (const auto& message : run) found.push_back(number(message.value));
      return run.size();
    }));
    return found.size() >= count;
  }));
  CHECK(found.size() == count);
  for (std::size_t i = 0; i < found.size(); ++i) CHECK(found[i] == static_cast<std::int64_t>(i));
  MESSAGE("the slow record was processed ", slept.load(), " times");
}

TEST_CASE("kafka: records that a topic would not take go to the error policy, before a broker refuses them") {
  const auto log = open();
  const std::string name = unique("limits");
  const std::string in = name + "-in", narrow = name + "-narrow";
  const TopicState source{.name = in, .partitions = 1, .owner = log::Owner::application};  // takes any time
  REQUIRE(log->create(std::span{&source, 1}).ok());
  const std::string create =
      std::string{::getenv("KLAMM_TOPICS")} + " --create --topic " + narrow + " --config max.message.bytes=2000 >/dev/null";
  REQUIRE(::system(create.c_str()) == 0);
  const auto inlet = must(log->inlet(in, ""));
  const auto send = [&](std::string_view key, const std::string& value, Timestamp at) {
    REQUIRE(inlet->send(0, bytes(key), bytes(value), at, {}, std::nullopt).ok());
  };
  const Timestamp now = ports::system_clock().now();
  send("a", "fits", now);
  send("b", std::string(3'000, 'x'), now);
  send("c", "too early", now + Duration{7'200'000});  // a topic takes an hour, if nothing else is said
  send("d", "fits too", now);
  REQUIRE(inlet->flush().ok());

  Topology topology{name.c_str()};
  topology.stream(Topic<std::string, std::string>{in.c_str()}).to(Topic<std::string, std::string>{narrow.c_str()});
  const log::test::TemporaryDirectory directory;
  App app{topology,
          {.log = klamm::kafka(brokers(), {.session_timeout = Duration{6'000}}),
           .state_dir = directory.path(),
           .on_produce_error = skip(),
           .log_sink = [](Level, std::string_view, std::string_view, std::span<const Field>) {}}};
  REQUIRE(app.start().ok());
  CHECK(within(30, [&] { return app.status().processed == 4; }));
  CHECK(app.stop(Duration{10'000}).ok());
  CHECK(app.status().skipped == 2);
  Lines lines;
  CHECK(within(10, [&] { return (lines = read_all(*log, {narrow, 0})).size() == 2; }));
  CHECK(lines == Lines{"0 a=fits", "1 d=fits too"});
}

TEST_CASE("kafka: who goes on for a member that has gone has its stores already, and replays only what is new") {
  const auto log = open();
  const std::string name = unique("standby");
  for (const char* suffix : {"-in", "-out"}) {
    const TopicState topic{.name = name + suffix, .partitions = partitions};
    REQUIRE(log->create(std::span{&topic, 1}).ok());
  }
  const auto in = must(log->inlet(name + "-in", ""));
  constexpr std::int64_t sent = 20'000;
  for (std::int64_t i = 0; i < sent; ++i) {
    Bytes key, value;
    serde<std::string>::encode("k" + std::to_string(i % 97), key);
    serde<std::int64_t>::encode(i, value);
    REQUIRE(in->send(log::partition_of(key, partitions), key, value, Timestamp{1'000 + i}, {}, std::nullopt).ok());
  }
  REQUIRE(in->flush().ok());
  const Topology topology = pipeline(name);
  const testing::TemporaryDirectory one_dir, two_dir;
  auto one = std::make_unique<Instance>(topology, "one", one_dir.path(), Guarantee::exactly_once, 1);
  Instance two{topology, "two", two_dir.path(), Guarantee::exactly_once, 1};
  // All is counted, each has tasks, and each has standbys of the other's tables that lack nothing.
  const auto rest = [](const Instance& instance) {
    std::int64_t lag = 0;
    std::size_t tables = 0;
    for (const auto& task : instance.engine().figures()) {
      lag += task->closed ? 0 : task->lag.load();
      tables += !task->closed && !task->stores.empty() ? 1 : 0;
    }
    const auto standbys = instance.engine().standbys()->figures();
    for (const auto& standby : standbys) lag += standby.lag;
    return lag == 0 && tables + standbys.size() == partitions;
  };
  REQUIRE(within(60, [&] { return rest(*one) && rest(two) && two.tasks() == partitions; }));
  const std::size_t missing = two.engine().standbys()->figures().size();
  std::this_thread::sleep_for(std::chrono::seconds{2});  // the standbys have seen the last commits
  const runtime::Standbys& standbys = *two.engine().standbys();
  const std::int64_t hits = standbys.hits(), misses = standbys.misses();  // what came when it joined had no standby yet
  one->stop();
  REQUIRE(within(60, [&] { return two.tasks() == 2 * partitions && !two.engine().restoring(); }));
  std::int64_t restored = 0;
  for (const auto& task : two.engine().figures()) restored += !task->closed && task->had_standby ? task->restored.load() : 0;
  CHECK(standbys.hits() - hits == static_cast<std::int64_t>(missing));
  CHECK(standbys.misses() == misses);
  CHECK(restored <= 200);
  MESSAGE(restored, " records were replayed for standbys to become tasks");
}

}  // namespace klamm::rdkafka::test
