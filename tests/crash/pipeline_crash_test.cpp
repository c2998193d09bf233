// A whole application on the log in a directory, killed between every two steps and at random moments, with the stores' files kept or
// deleted: what it leaves in the end always equals an undisturbed run.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "klamm/app.hpp"
#include "klamm/klamm.hpp"
#include "ports/fault.hpp"
#include "support/temporary_directory.hpp"

using namespace std::chrono_literals;

namespace {

constexpr std::int64_t records = 6'000, keys = 40;

const klamm::Topic<std::string, std::int64_t> in{"in"};
const klamm::Topic<std::string, std::int64_t> names{"names"};
const klamm::Topic<std::int64_t, std::int64_t> out{"out"};
const klamm::Topic<std::string, std::int64_t> joined{"joined"};
const klamm::Topic<klamm::NoKey, std::int64_t> passed{"passed"};
const klamm::Topic<std::string, std::int64_t> batched{"batched"};

/// Collects sums in a store; every few milliseconds of stream time what has come together goes on, and the store is empty again.
struct Batches {
  using Context = klamm::Context<std::string, std::int64_t>;
  Batches(klamm::KeyValueStore<std::string, std::int64_t>& p, Context& c) : pending{p}, context{c} {
    context.schedule(3ms, klamm::Time::stream, [this](klamm::Timestamp) {
      pending.scan([this](const std::string& key, std::int64_t sum) {
        context.forward(key, sum);
        pending.erase(key);
      });
    });
  }
  void process(const klamm::Record<std::string, const std::int64_t>& record) {
    pending.update(record.key, [&](std::int64_t& sum) { sum += record.value; });
  }
  klamm::KeyValueStore<std::string, std::int64_t>& pending;
  Context& context;
};

/// Repartition, a table that erases, a sink of all changes, a table that tells of its changes at commits, its groups, a table read from a
/// topic, a join with it, a plain pipe, a processor with a store and punctuations, windows that are held back until they close and sessions
/// that are told of then, groups of a join of tables, a foreign-key join.
klamm::Topology pipeline() {
  klamm::Topology topology{"crash"};
  auto values = topology.stream(in);
  auto sums = klamm::table<std::int64_t>("sums").fold([](std::int64_t& sum, std::int64_t v) {
    sum += v;
    return sum % 5 == 0 ? klamm::Entry::erase : klamm::Entry::keep;
  });
  const auto by_number = values.group_by([](std::int64_t v) { return v % keys; }).aggregate(sums);
  by_number.upserts().to(out);
  const auto histogram = [](const char* name) {
    return klamm::table<std::int64_t>(name).fold([](std::int64_t& n, std::int64_t) { ++n; }).unfold([](std::int64_t& n, std::int64_t) {
      return --n == 0 ? klamm::Entry::erase : klamm::Entry::keep;
    });
  };
  const auto by_key = values.group_by_key().count(klamm::table("by-key").emit(klamm::Emit::on_commit));
  by_key.group_by([](std::int64_t n) { return n % 7; }).aggregate(histogram("histogram"));
  auto table = topology.table(names, "names");
  by_key.left_join(table, [](std::int64_t n, const std::int64_t* name) { return n + (name != nullptr ? *name : 0); })
      .group_by([](std::int64_t v) { return "k" + std::to_string(v % 7); })
      .aggregate(histogram("joined-counts"));
  table.left_join(
      by_number.filter([](std::int64_t sum) { return sum % 16 == 0; }), [](std::int64_t v) { return v % keys; },
      [](std::int64_t v, const std::int64_t* sum) { return sum != nullptr ? *sum * 100 + v : -v; }, klamm::as("referring"));
  values.join(table, [](std::int64_t v, std::int64_t w) { return v * 10 + w; }).to(joined);
  values.filter([](std::int64_t v) { return v % 2 == 0; }).to(passed);
  values.process<Batches>(topology.store<std::string, std::int64_t>("pending")).to(batched);
  const auto add = [](std::int64_t a, std::int64_t b) { return a + b; };
  const auto counted = [](const klamm::Windowed<std::string>& w, std::int64_t n) { return klamm::KeyValue{w.key, n}; };
  // Some come late, and some too late.
  const auto timed = values.with_timestamp([](std::int64_t v) { return std::max<std::int64_t>(0, v - v % 3 * 40); }).group_by_key();
  timed.windowed_by(klamm::tumbling(100ms).grace(50ms))
      .count("windows")
      .suppress(klamm::until_window_closes())
      .upserts()
      .map(counted)
      .group_by_key()
      .reduce("closed", add);
  timed.windowed_by(klamm::session(60ms).grace(20ms))
      .count(klamm::table("sessions").emit(klamm::Emit::on_window_close))
      .upserts()
      .map(counted)
      .group_by_key()
      .reduce("closed-sessions", add);
  topology.stream(batched).group_by_key().reduce("gone-on", [](std::int64_t a, std::int64_t b) { return a + b; });
  return topology;
}

void quiet(klamm::Level, std::string_view, std::string_view, std::span<const klamm::Field>) {}

std::atomic<const char*> killed_at{nullptr};
std::atomic<int> hits_left{0};

void kill_here(const char* step) {
  const char* wanted = killed_at.load();
  if (wanted != nullptr && std::strncmp(step, wanted, std::strlen(wanted)) == 0 && hits_left.fetch_sub(1) == 1) ::kill(::getpid(), SIGKILL);
}

klamm::AppOptions options(const std::string& directory) {
  return {.log = klamm::embedded(directory),
          .threads = 2,
          .partitions = 3,
          .commit_interval = 2ms,
          .checkpoint_interval = 5ms,
          .checkpoint_bytes = 4'000,
          .log_sink = quiet};
}

/// Feeds from where it is, and works off everything: what a start after each crash does.
klamm::Status run(const std::string& directory) {
  const klamm::Topology topology = pipeline();
  klamm::App app{topology, options(directory)};
  if (auto status = app.start(); !status.ok()) return status;
  auto table = app.feeder(names, "names");
  const auto named = table.position();
  if (!named.ok()) return named.status();
  for (std::int64_t i = *named; i < keys; ++i) {
    if (auto status = table.send("k" + std::to_string(i), i, i + 1); !status.ok()) return status;
  }
  if (auto status = table.flush(); !status.ok()) return status;
  if (const auto drained = app.drain(60s); !drained.ok()) return drained.status();
  auto feeder = app.feeder(in, "numbers");
  const auto position = feeder.position();
  if (!position.ok()) return position.status();
  for (std::int64_t i = *position; i < records; ++i) {
    if (auto status = feeder.send("k" + std::to_string(i * 7 % keys), i, i + 1); !status.ok()) return status;
    if (i % 500 == 0) std::this_thread::sleep_for(1ms);
  }
  if (auto status = feeder.flush(); !status.ok()) return status;
  if (const auto drained = app.drain(60s); !drained.ok()) return drained.status();
  return app.stop(30s);
}

/// Everything that a run leaves: the tables, and what the outputs hold as tables of their own.
std::string contents(const std::string& directory) {
  // Another topology under the same name would write; so the outputs are read by an application of its own on a copy.
  const klamm::Topology topology = pipeline();
  klamm::App app{topology, options(directory)};
  REQUIRE(app.start().ok());
  REQUIRE(app.drain(60s) == true);
  std::string text;
  auto sums = app.query<std::int64_t>("sums").all<std::int64_t>();
  REQUIRE(sums.ok());
  std::map<std::string, std::int64_t> rows;
  for (const auto& row : *sums) rows["sums " + std::to_string(row.key)] = row.value;
  auto histogram = app.query<std::int64_t>("histogram").all<std::int64_t>();
  REQUIRE(histogram.ok());
  for (const auto& row : *histogram) rows["histogram " + std::to_string(row.key)] = row.value;
  for (const char* name : {"by-key", "names", "closed", "closed-sessions", "joined-counts", "referring"}) {
    auto table = app.query<std::int64_t>(name).all<std::string>();
    REQUIRE(table.ok());
    for (const auto& row : *table) rows[std::string{name} + ' ' + row.key] = row.value;
  }
  // Punctuations come by the time of day, so what has gone on differs from run to run; with what has not, it is always all.
  for (const char* name : {"pending", "gone-on"}) {
    auto table = app.query<std::int64_t>(name).all<std::string>();
    REQUIRE(table.ok());
    for (const auto& row : *table) rows["batches " + row.key] += row.value;
  }
  REQUIRE(app.stop(30s).ok());
  for (const auto& [name, value] : rows) text += name + '=' + std::to_string(value) + '\n';
  return text;
}

/// How often each record stands in an output: count and sum per topic, over a copy of the directory that another topology reads.
std::string outputs(const std::string& directory) {
  const klamm::testing::TemporaryDirectory scratch;
  const std::string copy = scratch.path() + "/copy";
  std::filesystem::copy(directory, copy, std::filesystem::copy_options::recursive);
  std::filesystem::remove_all(copy + "/stores");
  std::atomic<std::int64_t> count[3] = {0, 0, 0}, sum[3] = {0, 0, 0};
  klamm::Topology topology{"crash"};
  topology.stream(out).for_each([&](std::int64_t v) { ++count[0], sum[0] += v; });
  topology.stream(joined).for_each([&](std::int64_t v) { ++count[1], sum[1] += v; });
  topology.stream(passed).for_each([&](std::int64_t v) { ++count[2], sum[2] += v; });
  klamm::App app{topology, options(copy)};
  REQUIRE(app.start().ok());
  REQUIRE(app.drain(60s) == true);
  REQUIRE(app.stop(30s).ok());
  std::string text;
  for (int i = 0; i < 3; ++i) text += std::to_string(count[i]) + " records, sum " + std::to_string(sum[i]) + '\n';
  return text;
}

/// Runs in a child that is killed. True when it came to its end before.
bool run_killed(const std::string& directory, const char* step, int hit, std::chrono::microseconds after) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    if (step != nullptr) {
      killed_at = step;
      hits_left = hit;
      klamm::ports::fault_point = &kill_here;
    }
    const klamm::Status status = run(directory);
    if (!status.ok()) std::fprintf(stderr, "child: %s\n", status.message().c_str());
    ::_exit(status.ok() ? 0 : 3);
  }
  if (step == nullptr) {
    ::usleep(static_cast<useconds_t>(after.count()));
    ::kill(pid, SIGKILL);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (WIFSIGNALED(status))
    REQUIRE(WTERMSIG(status) == SIGKILL);
  else
    REQUIRE(WEXITSTATUS(status) == 0);
  return WIFEXITED(status);
}

struct Undisturbed {
  std::string tables, sinks;
};
const Undisturbed& undisturbed() {
  static const Undisturbed result = [] {
    const klamm::testing::TemporaryDirectory directory;
    CHECK(run_killed(directory.path(), "nowhere", 1, 0us));
    return Undisturbed{contents(directory.path()), outputs(directory.path())};
  }();
  return result;
}

/// Kills until a run comes through `kills` kills, then lets it finish.
void check_against_undisturbed(std::uint64_t seed, int kills, const std::vector<const char*>& steps) {
  std::mt19937_64 random{seed};
  const klamm::testing::TemporaryDirectory directory;
  for (int i = 0; i < kills; ++i) {
    const char* step = steps.empty() ? nullptr : steps[random() % steps.size()];
    run_killed(directory.path(), step, 1 + static_cast<int>(random() % 12), std::chrono::microseconds{2'000 + random() % 60'000});
    if (random() % 3 == 0) std::filesystem::remove_all(directory.path() + "/stores");
  }
  REQUIRE(run_killed(directory.path(), "nowhere", 1, 0us));
  INFO("seed ", seed);
  CHECK(contents(directory.path()) == undisturbed().tables);
  CHECK(outputs(directory.path()) == undisturbed().sinks);
}

}  // namespace

TEST_CASE("the undisturbed run counts every record once") {
  std::map<std::string, std::int64_t> by_key;
  for (std::int64_t i = 0; i < records; ++i) ++by_key["by-key k" + std::to_string(i * 7 % keys)];
  for (const auto& [name, count] : by_key) CHECK(undisturbed().tables.find(name + '=' + std::to_string(count) + '\n') != std::string::npos);
  std::map<std::string, std::int64_t> batches;
  for (std::int64_t i = 0; i < records; ++i) batches["batches k" + std::to_string(i * 7 % keys)] += i;
  for (const auto& [name, sum] : batches) CHECK(undisturbed().tables.find(name + '=' + std::to_string(sum) + '\n') != std::string::npos);
  CHECK(undisturbed().tables.find("histogram " + std::to_string(records / keys % 7) + '=' + std::to_string(keys) + '\n') !=
        std::string::npos);
  const std::int64_t half = records / 2;
  CHECK(undisturbed().sinks.find(std::to_string(half) + " records, sum " + std::to_string(half * (half - 1)) + '\n') != std::string::npos);
  CHECK(undisturbed().sinks.find(std::to_string(records) + " records") != std::string::npos);
}

TEST_CASE("killed between every two steps of commits and checkpoints, it ends as if undisturbed") {
  const std::vector<const char*> steps{"commit: before", "commit: drained", "commit: in the log", "commit: settled", "log: ", "state: "};
  for (std::uint64_t seed = 1; seed <= 12; ++seed) check_against_undisturbed(seed, 12, steps);
}

TEST_CASE("killed at random moments, it ends as if undisturbed") {
  for (std::uint64_t seed = 101; seed <= 112; ++seed) check_against_undisturbed(seed, 12, {});
}

TEST_CASE("with the whole directory deleted it starts anew and ends the same") {
  const klamm::testing::TemporaryDirectory directory;
  run_killed(directory.path(), nullptr, 0, 40'000us);
  for (const auto& entry : std::filesystem::directory_iterator{directory.path()}) std::filesystem::remove_all(entry);
  REQUIRE(run_killed(directory.path(), "nowhere", 1, 0us));
  CHECK(contents(directory.path()) == undisturbed().tables);
}
