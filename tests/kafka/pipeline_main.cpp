#include <signal.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "kafka/kafka.hpp"
#include "klamm/klamm.hpp"
#include "log/partitioner.hpp"

// An application for tests/kafka/chaos.py to start, kill and freeze, and what feeds it:
//
//     kafka_pipeline run BROKERS APP STATE_DIR exactly_once|at_least_once MS    until SIGTERM; sessions and transactions
//     kafka_pipeline feed BROKERS APP RATE PARTITIONS                                   numbers, RATE a second, until SIGTERM
//     kafka_pipeline create BROKERS APP PARTITIONS                                      the topics that are the user's

namespace klamm::rdkafka {
namespace {

constexpr int groups = 13, keys = 97;

std::atomic<bool> ending{false};

[[noreturn]] void die(const Status& status) {
  std::fprintf(stderr, "%s\n", status.message().c_str());
  std::exit(1);
}
void must(const Status& status) {
  if (!status.ok()) die(status);
}
template <class T> T must(Result<T> result) {
  if (!result.ok()) die(result.status());
  return *std::move(result);
}

void say(const std::string& text) {
  const auto now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  std::fprintf(stderr, "%.3f %s\n", now, text.c_str());
}

/// How many records of each key have come, by a store of its own.
class Totals {
 public:
  using Context = klamm::Context<std::string, std::int64_t>;
  using Store = KeyValueStore<std::string, std::int64_t>;
  Totals(Store& store, Context& context) : store_{store}, context_{context} {}
  void process(const Record<std::string, const std::int64_t>& record) {
    const std::int64_t* before = store_.find(record.key);
    const std::int64_t total = (before == nullptr ? 0 : *before) + 1;
    store_.put(record.key, total);
    context_.forward(record.key, total);
  }

 private:
  Store& store_;
  Context& context_;
};

/// A table by a repartition topic, and one by windows; one that serves look-ups, and a processor's store; everything that changes is put
/// out.
Topology pipeline(const std::string& app) {
  Topology topology{app.c_str()};
  const auto events = topology.stream(Topic<std::string, std::int64_t>{(app + "-events").c_str()});
  const auto names = topology.table(Topic<std::string, std::string>{(app + "-names").c_str()}, "names");
  auto totals = topology.store<std::string, std::int64_t>("totals");
  events.join(names, [](std::int64_t number, const std::string& name) { return name + ':' + std::to_string(number); })
      .to(Topic<std::string, std::string>{(app + "-joined").c_str()});
  const auto grouped = events.group_by([](std::int64_t number) { return number % groups; });
  grouped.count("counts").to(Topic<std::int64_t, std::int64_t>{(app + "-counted").c_str()});
  grouped.windowed_by(tumbling(Duration{5'000}).grace(Duration{3'600'000})).count("windows");
  events.process<Totals>(totals).to(Topic<std::string, std::int64_t>{(app + "-totaled").c_str()});
  return topology;
}

std::unique_ptr<log::Log> connect(const std::string& brokers, const std::string& app, const std::string& instance) {
  return must(
      open_kafka({.brokers = brokers, .application_id = app, .instance = instance, .log_sink = [](Level level, std::string_view text) {
                    if (level >= Level::warning) say("librdkafka: " + std::string{text});
                  }}));
}

App* running = nullptr;

void run(char** arguments) {
  const std::string brokers = arguments[0], app = arguments[1], guarantee = arguments[3];
  const Topology topology = pipeline(app);
  App one{topology,
          {.log = klamm::kafka(
               brokers, {.session_timeout = Duration{std::atoi(arguments[4])}, .transaction_timeout = Duration{std::atoi(arguments[4])}}),
           .threads = 2,
           .partitions = 4,
           .state_dir = arguments[2],
           .guarantee = guarantee == "exactly_once" ? Guarantee::exactly_once : Guarantee::at_least_once,
           .checkpoint_interval = Duration{2'000},
           .log_sink = [](Level, std::string_view component, std::string_view message, std::span<const Field>) {
             say(std::string{component} + ": " + std::string{message});
           }}};
  running = &one;
  ::signal(SIGTERM, [](int) { running->request_stop(); });
  must(one.start());
  must(one.wait());
  say("stopped");
}

Bytes encoded(const std::string& text) {
  Bytes out;
  serde<std::string>::encode(text, out);
  return out;
}

void feed(char** arguments) {
  const std::string app = arguments[1];
  const auto log = connect(arguments[0], app, "feed");
  const int rate = std::atoi(arguments[2]), partitions = std::atoi(arguments[3]);
  const auto events = must(log->inlet(app + "-events", "")), names = must(log->inlet(app + "-names", ""));
  // Of today: what is older than producer.id.expiration.ms (a day) has lost its idempotence when a broker comes back from a crash.
  const auto now = [] {
    return Timestamp{std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count()};
  };
  const auto send_name = [&](long number) {
    const Bytes key = encoded("k" + std::to_string(number % keys)), value = encoded("n" + std::to_string(number % keys));
    must(names->send(log::partition_of(key, partitions), key, value, now(), {}, std::nullopt));
  };
  for (long i = 0; i < keys; ++i) send_name(i);
  must(names->flush());
  long sent = 0;
  const auto start = std::chrono::steady_clock::now();
  while (!ending) {
    const auto due = static_cast<long>(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() * rate);
    for (; sent < due; ++sent) {
      const Bytes key = encoded("k" + std::to_string(sent % keys));
      Bytes value;
      serde<std::int64_t>::encode(sent, value);
      must(events->send(log::partition_of(key, partitions), key, value, now(), {}, std::nullopt));
      if (sent % 100 == 0) send_name(sent);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
  must(events->flush());
  must(names->flush());
  std::printf("sent %ld\n", sent);
}

void create(char** arguments) {
  const auto log = connect(arguments[0], "create", "create");
  for (const char* name : {"events", "names", "joined", "counted", "totaled"}) {
    const log::TopicState topic{.name = std::string{arguments[1]} + '-' + name, .partitions = std::atoi(arguments[2])};
    must(log->create(std::span{&topic, 1}));
  }
}

}  // namespace
}  // namespace klamm::rdkafka

int main(int count, char** arguments) {
  ::signal(SIGTERM, [](int) { klamm::rdkafka::ending = true; });
  const std::string command = count > 2 ? arguments[1] : "";
  if (command == "run" && count == 7) {
    klamm::rdkafka::run(arguments + 2);
  } else if (command == "feed" && count == 6) {
    klamm::rdkafka::feed(arguments + 2);
  } else if (command == "create" && count == 5) {
    klamm::rdkafka::create(arguments + 2);
  } else {
    std::fprintf(stderr, "see pipeline_main.cpp\n");
    return 2;
  }
  return 0;
}
