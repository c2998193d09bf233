#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <csignal>
#include <map>
#include <random>

#include "ports/fault.hpp"
#include "support.hpp"

// A child writes to a log in a directory until it is killed, at a named step or at a random moment; then the parent opens the log and
// looks.
//
// Each of two workers writes transactions 0, 1, 2, … : transaction n puts the record "worker:n" into two partitions of "out" and "worker" =
// n into the compacted "table", commits the offset n with the mark "mark n", and moves the position of feeder "worker" to n. A thread feeds
// records 0, 1, 2, … with their numbers as positions through an inlet, and old records of "in" are purged all the time.

namespace klamm::log {
namespace {

using test::bytes;

constexpr int workers = 2;

// What the child knows to be confirmed, in memory that survives it.
struct Confirmed {
  std::atomic<std::int64_t> transaction[workers];
  std::atomic<std::int64_t> fed;
  std::atomic<int> steps;  // until the child is killed, at the step that counts
};
Confirmed* confirmed = nullptr;
std::string fatal_step;

void count_step(const char* step) {
  if (fatal_step == step && confirmed->steps.fetch_sub(1) == 1) ::kill(::getpid(), SIGKILL);
}

EmbeddedOptions options(const std::string& directory) {
  return {.directory = directory, .application_id = "crash", .cache_bytes = 4'000, .inlet_linger = Duration{1}, .compact_at_least = 50};
}

void work(Log& log, int worker) {
  auto producer = *log.producer("worker", klamm::Guarantee::exactly_once, nullptr);
  const auto out = *producer->topic("out"), table = *producer->topic("table");
  const std::string name = std::to_string(worker);
  for (std::int64_t n = confirmed->transaction[worker] + 1;; ++n) {
    const std::string value = name + ":" + std::to_string(n);
    producer->append(out, worker, bytes(name), bytes(value), Timestamp{n}, {});
    producer->append(out, 2, bytes(name), bytes(value), Timestamp{n}, {});
    producer->append(table, 0, bytes(name), bytes(std::to_string(n)), Timestamp{n}, {});
    test::begin_commit(*producer, {{{"in", worker}, {n, "mark " + std::to_string(n)}}}, {{name, n}});
    std::optional<CommitOutcome> ended;
    while (!(ended = producer->poll())) std::this_thread::sleep_for(std::chrono::microseconds{50});
    if (!ended->status.ok()) ::_exit(4);
    confirmed->transaction[worker] = n;
  }
}

void feed(Log& log) {
  auto inlet = *log.inlet("in", "source");
  for (std::int64_t n = confirmed->fed + 1;; ++n) {
    if (!inlet->send(0, {}, bytes(std::to_string(n)), {}, {}, n).ok()) ::_exit(5);
    if (n % 7 != 0) continue;
    if (!inlet->flush().ok()) ::_exit(6);
    confirmed->fed = n;
    if (!log.purge({"in", 0}, std::max<Offset>(0, n - 20)).ok()) ::_exit(7);
  }
}

[[noreturn]] void child(const std::string& directory, const std::string& step, int steps) {
  fatal_step = step;
  confirmed->steps = steps;
  if (!step.empty()) ports::fault_point = count_step;
  auto log = open_embedded(options(directory));
  if (!log.ok()) ::_exit(2);
  const TopicState topics[] = {{"in", workers, Cleanup::keep}, {"out", 3, Cleanup::keep}, {"table", 1, Cleanup::compact}};
  if (!(*log)->create(topics).ok()) ::_exit(3);
  std::vector<std::thread> threads;
  for (int w = 0; w < workers; ++w) threads.emplace_back([&, w] { work(**log, w); });
  threads.emplace_back([&] { feed(**log); });
  for (auto& thread : threads) thread.join();
  ::_exit(8);
}

std::int64_t number(std::string_view text) {
  std::int64_t value = -1;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// The numbers of each worker's transactions as a partition has them, having checked that offsets are dense.
std::vector<std::vector<std::int64_t>> transactions(Log& log, Partition partition) {
  std::vector<std::vector<std::int64_t>> found(workers);
  Offset next = 0;
  auto reader = *log.reader({"out", partition}, 0, nullptr);
  auto polled = reader->poll(SIZE_MAX, [&](std::span<const RawMessage> messages) {
    for (const auto& message : messages) {
      CHECK(message.offset == next++);
      const std::string value = test::text(message.value);
      const auto worker = static_cast<std::size_t>(value[0] - '0');
      found[worker].push_back(number(std::string_view{value}.substr(2)));
      CHECK(message.timestamp == Timestamp{found[worker].back()});
    }
    return messages.size();
  });
  REQUIRE_MESSAGE(polled.ok(), polled.status().message());
  CHECK((*log.bounds({"out", partition})).end == next);
  return found;
}

void check_transactions(Log& log) {
  const auto common = transactions(log, 2);
  std::map<std::string, std::int64_t> table;
  for (const auto& line : test::read_all(log, {"table", 0})) {
    const auto key = line.find(' ') + 1;
    table[line.substr(key, 1)] = number(std::string_view{line}.substr(key + 2));
  }
  for (int w = 0; w < workers; ++w) {
    const auto index = static_cast<std::size_t>(w);
    const auto own = transactions(log, w)[index];
    CHECK(own == common[index]);
    for (std::size_t i = 0; i < own.size(); ++i) CHECK(own[i] == static_cast<std::int64_t>(i));
    const std::int64_t last = std::ssize(own) - 1;
    CHECK(last >= confirmed->transaction[w]);
    CHECK(last <= confirmed->transaction[w] + 1);
    const TopicPartition in{"in", w};
    const auto committed = (*log.committed("group", {&in, 1}))[0];
    const std::string name = std::to_string(w);
    CHECK(committed.has_value() == (last >= 0));
    if (committed) {
      CHECK(committed->offset == last);
      CHECK(committed->metadata == "mark " + std::to_string(last));
      CHECK(table[name] == last);
    }
    CHECK((*log.feed_position(name)).value_or(-1) == last);
    confirmed->transaction[w] = last;
  }
}

void check_fed(Log& log) {
  const auto bounds = *log.bounds({"in", 0});
  const std::int64_t position = (*log.feed_position("source")).value_or(-1);
  CHECK(bounds.end == position + 1);
  CHECK(position >= confirmed->fed);
  Offset next = bounds.begin;
  for (const auto& line : test::read_all(log, {"in", 0})) {
    CHECK(line == std::to_string(next) + " null=" + std::to_string(next));
    ++next;
  }
  CHECK(next == bounds.end);
  confirmed->fed = position;
}

// Runs a child on the directory until it is dead, and checks what it left.
void crash(const std::string& directory, const std::string& step, int steps, std::chrono::microseconds lifetime) {
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) child(directory, step, steps);
  if (step.empty()) {
    std::this_thread::sleep_for(lifetime);
    ::kill(pid, SIGKILL);
  }
  int ended = 0;
  REQUIRE(::waitpid(pid, &ended, 0) == pid);
  REQUIRE_MESSAGE(WIFSIGNALED(ended), "the child ended by itself: ", WEXITSTATUS(ended));
  auto log = open_embedded(options(directory));
  REQUIRE_MESSAGE(log.ok(), log.status().message());
  if (!(*(*log)->topic("table")).has_value()) return;  // killed before there was anything
  check_transactions(**log);
  check_fed(**log);
}

void reset() {
  if (confirmed == nullptr) {
    void* shared = ::mmap(nullptr, sizeof(Confirmed), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(shared != MAP_FAILED);
    confirmed = new (shared) Confirmed{};
  }
  for (auto& transaction : confirmed->transaction) transaction = -1;
  confirmed->fed = -1;
}

// SIGKILL takes nothing from the page cache, so memory will do where there is such a directory: more kills in the same time.
std::filesystem::path fast_directory() {
  const std::filesystem::path memory{"/dev/shm"};
  return ::access(memory.c_str(), W_OK) == 0 ? memory : std::filesystem::temp_directory_path();
}

TEST_CASE("a kill at any step leaves each transaction whole or absent, and what was confirmed is there") {
  for (const char* step :
       {"log: before begin", "log: after half of the rows", "log: before commit", "log: after commit", "log: after publish"}) {
    const test::TemporaryDirectory directory{fast_directory()};
    reset();
    for (int i = 0; i < 20; ++i) {
      CAPTURE(step);
      CAPTURE(i);
      crash(directory.path(), step, 1 + i * 2, {});
    }
  }
}

TEST_CASE("a kill at a random moment leaves each transaction whole or absent, and what was confirmed is there") {
  const unsigned seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random{seed};
  for (int round = 0; round < 8; ++round) {
    const test::TemporaryDirectory directory{fast_directory()};
    reset();
    for (int i = 0; i < 25; ++i) crash(directory.path(), "", 0, std::chrono::microseconds{random() % 30'000});
  }
}

}  // namespace
}  // namespace klamm::log
