// Commits that end badly: the tables, outputs and offsets always equal those of a run in which all went well.
#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "graph/graph.hpp"
#include "klamm/klamm.hpp"
#include "log/embedded.hpp"
#include "log/faulty_log.hpp"
#include "ports/clock.hpp"
#include "ports/executor.hpp"
#include "runtime/engine.hpp"

namespace {

using klamm::Code;
using klamm::Status;

const klamm::Topic<std::string, std::int64_t> in{"in"};
const klamm::Topic<std::string, std::int64_t> changes{"changes"};
const klamm::Topic<std::string, std::string> joined{"joined"};

/// Counts in a store, and now and then says how many; one of its punctuations ends itself.
struct Ticks {
  using Context = klamm::Context<std::string, std::int64_t>;
  Ticks(klamm::KeyValueStore<std::string, std::int64_t>& s, Context& c) : seen{s}, context{c} {
    context.schedule(klamm::Duration{7}, klamm::Time::stream, [this](klamm::Timestamp) { say("seven"); });
    few = context.schedule(klamm::Duration{10}, klamm::Time::stream, [this](klamm::Timestamp) {
      say("few");
      if (*seen.update("", [](std::int64_t& n) { ++n; }) == 4) few.cancel();
    });
  }
  void process(const klamm::Record<std::string, const std::int64_t>& record) {
    seen.update(record.key, [](std::int64_t& n) { ++n; });
  }
  void say(const char* name) {
    std::int64_t sum = 0;
    seen.scan([&sum](const std::string& key, std::int64_t n) { sum += key.empty() ? 1000 * n : n; });
    context.forward(name, sum);
  }
  klamm::KeyValueStore<std::string, std::int64_t>& seen;
  Context& context;
  klamm::Punctuation few;
};

klamm::Topology pipeline() {
  klamm::Topology topology{"aborts"};
  const auto text = klamm::table<std::string>("text").fold([](std::string& all, std::int64_t v) {
    if (v % 7 == 0) return klamm::Entry::erase;
    all += std::to_string(v % 10);
    if (all.size() > 30) all.erase(0, 20);
    return klamm::Entry::keep;
  });
  auto values = topology.stream(in);
  auto texts = values.group_by([](std::int64_t v) { return "g" + std::to_string(v % 13); }).aggregate(text);
  texts.to(joined);
  values.group_by_key().count("n").to(changes);
  values.process<Ticks>(topology.store<std::string, std::int64_t>("seen")).to(klamm::Topic<std::string, std::int64_t>{"ticks"});
  // Kept back for commits, and counted in groups behind that.
  const auto histogram =
      klamm::table<std::int64_t>("histogram").fold([](std::int64_t& n, std::int64_t) { ++n; }).unfold([](std::int64_t& n, std::int64_t) {
        --n;
      });
  values.group_by_key()
      .count(klamm::table("held").emit(klamm::Emit::on_commit))
      .group_by([](std::int64_t n) { return n % 11; })
      .aggregate(histogram);
  // Two inputs in one task: their look-ahead must go with an abort.
  auto names = topology.table(klamm::Topic<std::string, std::int64_t>{"names"}, "names");
  values.left_join(names, [](std::int64_t v, const std::int64_t* w) { return w == nullptr ? v : *w; })
      .to(klamm::Topic<std::string, std::int64_t>{"looked-up"});
  return topology;
}

/// An application whose commits fail as `fault` says, on a log of its own.
struct World {
  explicit World(klamm::log::CommitFault f) : fault{std::move(f)} { start(); }

  void start() {
    engine = std::make_unique<klamm::runtime::Engine>(topology.graph(), "aborts", klamm::runtime::Settings{.seed = 1}, *faulty, clock,
                                                      *background, logger);
    REQUIRE(engine->start(2, 3).ok());
  }
  void send(std::int64_t v) {
    if (inlet == nullptr) inlet = std::move(*log->inlet("in", ""));
    klamm::Bytes key, value;
    klamm::serde<std::string>::encode("k" + std::to_string(v % 5), key);
    klamm::serde<std::int64_t>::encode(v, value);
    REQUIRE(inlet->send(static_cast<klamm::log::Partition>(v % 3), key, value, klamm::Timestamp{v}, {}, {}).ok());
  }
  /// All records of a topic, and the rows of a table, as text.
  std::string topic(const std::string& name) {
    std::string text;
    for (klamm::log::Partition p = 0; p < 3; ++p) {
      auto reader = log->reader({name, p}, log->bounds({name, p})->begin, nullptr);
      REQUIRE(reader.ok());
      const auto taken = (*reader)->poll(1'000'000, [&](std::span<const klamm::RawMessage> batch) {
        for (const auto& m : batch)
          text += std::to_string(p) + ' ' + hex(m.key) + '=' + (m.value.data() == nullptr ? "~" : hex(m.value)) + '@' +
                  std::to_string(m.timestamp.milliseconds()) + '\n';
        return batch.size();
      });
      REQUIRE(taken.ok());
    }
    return text;
  }
  std::string table(const std::string& name) {
    std::map<std::string, std::string> rows;
    REQUIRE(engine
                ->visit([&](klamm::detail::Task::Impl& task) {
                  if (auto* store = task.find_store(name)) {
                    static_cast<void>(store->for_each(klamm::detail::Contents::committed,
                                                      [&](klamm::BytesView k, klamm::BytesView v, klamm::Timestamp t) {
                                                        rows[hex(k)] = hex(v) + '@' + std::to_string(t.milliseconds());
                                                      }));
                  }
                })
                .ok());
    std::string text;
    for (const auto& [key, value] : rows) text += key + '=' + value + '\n';
    return text;
  }
  static std::string hex(klamm::BytesView bytes) {
    std::string text;
    for (const std::byte b : bytes)
      text += "0123456789abcdef"[static_cast<int>(b) >> 4], text += "0123456789abcdef"[static_cast<int>(b) & 15];
    return text;
  }
  /// How many rows of "held" have which rest, by the table that counts them or by looking.
  std::map<std::int64_t, std::int64_t> groups(bool by_looking) {
    std::map<std::int64_t, std::int64_t> found;
    REQUIRE(engine
                ->visit([&](klamm::detail::Task::Impl& task) {
                  auto* const store = task.find_store(by_looking ? "held" : "histogram");
                  if (store == nullptr) return;
                  static_cast<void>(
                      store->for_each(klamm::detail::Contents::committed, [&](klamm::BytesView k, klamm::BytesView v, klamm::Timestamp) {
                        std::int64_t key = 0, value = 0;
                        static_cast<void>(klamm::serde<std::int64_t>::decode(v, value));
                        if (by_looking)
                          ++found[value % 11];
                        else if (klamm::serde<std::int64_t>::decode(k, key).ok() && value != 0)
                          found[key] += value;
                      }));
                })
                .ok());
    return found;
  }
  std::string everything() {
    return "changes\n" + topic("changes") + "joined\n" + topic("joined") + "looked-up\n" + topic("looked-up") + "ticks\n" + topic("ticks") +
           "seen\n" + table("seen") + "text\n" + table("text") + "n\n" + table("n");
  }
  std::int64_t aborts() {
    std::int64_t sum = 0;
    for (const auto& worker : engine->workers()) sum += worker->figures().aborts;
    return sum;
  }

  klamm::log::CommitFault fault;
  klamm::Topology topology = pipeline();
  klamm::ports::ManualClock clock;
  klamm::runtime::Logger logger{klamm::LogSink{}, clock};
  std::unique_ptr<klamm::ports::Executor> background = klamm::ports::inline_executor();
  std::unique_ptr<klamm::log::Log> log = klamm::log::memory_log();
  std::unique_ptr<klamm::log::Log> faulty =
      klamm::log::faulty_log(*log, [this](std::uint64_t n) { return fault ? fault(n) : std::nullopt; });
  std::unique_ptr<klamm::log::Inlet> inlet;
  std::unique_ptr<klamm::runtime::Engine> engine;
};

std::string undisturbed(std::int64_t records) {
  World world{nullptr};
  for (std::int64_t v = 0; v < records; ++v) world.send(v);
  REQUIRE(world.engine->settle(true).ok());
  return world.everything();
}

/// What does not depend on how records of different partitions follow each other: here each group and key has one partition upstream or
/// none matters.
std::string tables_of(World& world) { return world.table("n"); }

}  // namespace

TEST_CASE("aborted commits between two checkpoints leave no trace") {
  // Records come one by one, so that the order in which partitions are read is the same in both runs.
  const std::int64_t records = 300;
  World good{nullptr};
  for (std::int64_t v = 0; v < records; ++v) {
    good.send(v);
    REQUIRE(good.engine->settle(true).ok());
  }
  const std::string expected = good.everything();
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    std::mt19937_64 random{seed};
    World world{[&random](std::uint64_t) {
      return random() % 3 == 0 ? std::optional<Status>{Status{Code::aborted, "on purpose"}} : std::nullopt;
    }};
    for (std::int64_t v = 0; v < records; ++v) {
      world.send(v);
      REQUIRE(world.engine->settle(true).ok());
    }
    INFO("seed ", seed);
    CHECK(world.aborts() > 50);
    CHECK(world.everything() == expected);
  }
}

TEST_CASE("many records between two aborts: counts are those of the undisturbed run") {
  const std::int64_t records = 5'000;
  World good{nullptr};
  for (std::int64_t v = 0; v < records; ++v) good.send(v);
  REQUIRE(good.engine->settle(true).ok());
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    std::mt19937_64 random{seed};
    World world{[&random](std::uint64_t) {
      return random() % 2 == 0 ? std::optional<Status>{Status{Code::aborted, "on purpose"}} : std::nullopt;
    }};
    std::int64_t v = 0;
    while (v < records) {
      for (std::int64_t n = static_cast<std::int64_t>(random() % 400); n > 0 && v < records; --n) world.send(v++);
      REQUIRE(world.engine->settle(random() % 2 == 0).ok());
    }
    REQUIRE(world.engine->settle(true).ok());
    INFO("seed ", seed);
    CHECK(tables_of(world) == tables_of(good));
    CHECK(world.groups(false) == world.groups(true));
    // A new start finds everything as the last commit left it.
    const std::string before = world.everything();
    world.fault = nullptr;
    world.engine.reset();
    world.start();
    REQUIRE(world.engine->settle(true).ok());
    CHECK(world.everything() == before);
  }
}

TEST_CASE("changes that were kept back since a commit in flight go with it when that is aborted") {
  World world{nullptr};
  std::int64_t v = 0;
  for (int round = 1; round <= 20; ++round) {
    for (int n = 0; n < 7 * round; ++n) world.send(v++);
    REQUIRE(world.engine->settle(round % 2 == 0).ok());
    // A commit is begun, records come, and it is aborted: as by a worker, with records between the two.
    const auto each = [&world](const auto& f) {
      for (const auto& worker : world.engine->workers()) {
        for (const auto& task : worker->owned()) f(*worker, *task);
      }
    };
    each([](auto& worker, auto& task) {
      if (task.dirty()) REQUIRE(task.begin_commit(worker.producer()).ok());
    });
    for (int n = 0; n < 5; ++n) world.send(v++);
    REQUIRE(world.engine->settle(false).ok());
    for (const auto& worker : world.engine->workers()) worker->producer().abort();
    each([](auto&, auto& task) { REQUIRE(task.abort().ok()); });
    REQUIRE(world.engine->settle(true).ok());
    CHECK_FALSE(world.groups(true).empty());
    CHECK(world.groups(false) == world.groups(true));
  }
}

TEST_CASE("a commit that fails for good stops the application with its reason, and the next start goes on from the last commit") {
  const std::int64_t records = 400;
  const std::string expected = undisturbed(records);
  bool failing = false;
  World world{[&failing](std::uint64_t) {
    return failing ? std::optional<Status>{Status{Code::resource_exhausted, "directory \"x\": the disk is full"}} : std::nullopt;
  }};
  for (std::int64_t v = 0; v < records / 2; ++v) world.send(v);
  failing = true;
  const Status status = world.engine->settle(true);
  CHECK(status.code() == Code::resource_exhausted);
  CHECK(status.message().find("disk is full") != std::string::npos);
  failing = false;
  world.engine.reset();
  world.start();
  for (std::int64_t v = records / 2; v < records; ++v) world.send(v);
  REQUIRE(world.engine->settle(true).ok());
  CHECK(world.everything() == expected);
}

TEST_CASE("a crash between two commits with the stores kept or lost changes nothing") {
  const std::int64_t records = 300;
  const std::string expected = [] {
    World good{nullptr};
    for (std::int64_t v = 0; v < records; ++v) {
      good.send(v);
      REQUIRE(good.engine->settle(true).ok());
    }
    return good.everything();
  }();
  for (const bool kept : {true, false}) {
    std::mt19937_64 random{7};
    World world{nullptr};
    for (std::int64_t v = 0; v < records; ++v) {
      world.send(v);
      if (random() % 10 == 0) {
        REQUIRE(world.engine->settle(false).ok());  // processed, not committed
        auto stores = world.engine->crash();
        world.engine.reset();
        world.engine = std::make_unique<klamm::runtime::Engine>(world.topology.graph(), "aborts", klamm::runtime::Settings{.seed = 1},
                                                                *world.faulty, world.clock, *world.background, world.logger);
        if (kept) world.engine->keep(std::move(stores));
        REQUIRE(world.engine->start(2, 3).ok());
      }
      REQUIRE(world.engine->settle(true).ok());
    }
    CHECK(world.everything() == expected);
  }
}
