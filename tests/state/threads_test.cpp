#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <thread>

#include "shadow.hpp"
#include "state/checkpointer.hpp"
#include "state/open_file.hpp"

using namespace klamm;
using namespace klamm::testing;

TEST_CASE("threads: a store works on while its checkpoints are written") {
  TempDirectory directory;
  const auto executor = ports::background_thread("checkpoint");
  auto file = file_at(directory / "s.sqlite");
  file.dirty_bytes = 2048;
  Changelog log;
  Shadow<std::int64_t> shadow;
  {
    Store<std::int64_t> store;
    REQUIRE(store.open(file, *executor).ok());
    std::int64_t now = 0;
    for (int round = 0; round < 200; ++round) {
      for (int i = 0; i < 40; ++i) {
        const std::string key = "key-" + std::to_string(++now * 7919 % 500);
        put<std::int64_t>(store, key, now, now);
        shadow.put(key, now, now);
      }
      const Table drained = commit(store, static_cast<std::int64_t>(log.size()) + 40, 16);
      CHECK(drained.size() == 40);
      for (const auto& [key, value] : drained) log.push_back({key, value});
      shadow.begin_commit(), shadow.settle();
    }
    CHECK(store.figures().checkpoints > 1);
    REQUIRE(store.close().ok());
  }
  Store<std::int64_t> store;
  REQUIRE(open_and_replay(store, file, *executor, log).ok());
  CHECK(store.position() == static_cast<std::int64_t>(log.size()));
  CHECK(table_of(store) == shadow.committed());
}

TEST_CASE("threads: rows leave memory and come back while the file is written, and its keys are read") {
  TempDirectory directory;
  const auto executor = ports::background_thread("checkpoint");
  auto file = file_at(directory / "s.sqlite");
  file.memory_bytes = std::size_t{128} << 10;
  std::int64_t end = 0;
  for (int opened = 0; opened < 3; ++opened) {
    Store<std::int64_t> store;
    REQUIRE(store.open(file, *executor).ok());
    for (std::int64_t i = 0; i < 20'000; ++i) {
      auto& row = store.change(bytes("key-" + std::to_string(i * 7919 % 10'000)));
      REQUIRE(row.value == 2 * opened + i / 10'000);
      ++row.value;
      row.set_present(true);
      if (i % 200 == 199) commit(store, ++end, 64);
    }
    CHECK(store.figures().evicted > 5'000);
    REQUIRE(store.close().ok());
  }
}

TEST_CASE("threads: a reader always sees the commits above the file, with none missing") {
  TempDirectory directory;
  const auto executor = ports::background_thread("checkpoint");
  auto file = file_at(directory / "s.sqlite");
  file.dirty_bytes = 4096;
  const auto checkpointer = std::make_shared<state::Checkpointer>(file, nullptr, state::FilePosition{}, *executor);
  std::atomic<state::CommitNumber> settled{0};
  std::atomic<bool> stop{false};
  std::atomic<int> looks{0}, wrong{0};
  std::thread reader{[&] {
    while (!stop) {
      const state::CommitNumber before = settled;
      const auto layers = checkpointer->layers();
      state::CommitNumber next = layers.durable + 1;
      for (const auto& batch : layers.batches) {
        if (batch->first != next || batch->number < batch->first) ++wrong;
        next = batch->number + 1;
      }
      if (next <= before) ++wrong;
      ++looks;
    }
  }};
  for (state::CommitNumber number = 1; number <= 600; ++number) {
    auto batch = std::make_shared<state::CommitBatch>();
    batch->number = batch->first = number;
    const std::string key = "key-" + std::to_string(number % 300 < 150 ? 0 : number);
    batch->append({bytes(key), bytes(std::string(100, 'x')), Timestamp{number}});
    const state::BatchPtr done = std::move(batch);
    checkpointer->settle({&done, 1});
    settled = number;
  }
  CHECK(checkpointer->flush().ok());
  while (looks == 0) std::this_thread::yield();
  stop = true;
  reader.join();
  CHECK(wrong == 0);
  CHECK(checkpointer->durable() == 600);
  CHECK(checkpointer->layers().batches.empty());
  CHECK(checkpointer->counters().folds > 0);
  checkpointer->stop();
}

TEST_CASE("threads: a snapshot is a store as of exactly one commit, while it works, is written, and lets rows go") {
  TempDirectory directory;
  const auto executor = ports::background_thread("checkpoint");
  auto file = file_at(directory / "s.sqlite");
  file.memory_bytes = std::size_t{96} << 10;
  constexpr int pairs = 2'000;
  Store<std::int64_t> store;
  REQUIRE(store.open(file, *executor).ok());
  const auto key_of = [](int i) { return (i % 2 == 0 ? "a-" : "z-") + std::to_string(i / 2); };
  for (int i = 0; i < 2 * pairs; ++i) {
    put<std::int64_t>(store, key_of(i), 50);
    if (i % 100 == 99) commit(store, 1, 1000);
  }
  std::atomic<bool> stop{false};
  std::atomic<int> looks{0}, wrong{0};
  std::thread asking{[&, reader = store.reader()] {
    while (!stop) {
      const auto snapshot = reader->snapshot();
      if (!snapshot.ok()) {
        if (snapshot.status().code() != Code::unavailable) ++wrong;
        continue;
      }
      std::int64_t rows = 0, sum = 0;
      if (!(*snapshot)->seek({}).ok()) ++wrong;
      for (;;) {
        const Result<bool> found = (*snapshot)->next();
        if (!found.ok()) ++wrong;
        if (!found.ok() || !*found) break;
        std::int64_t value = 0;
        if (!serde<std::int64_t>::decode((*snapshot)->value(), value).ok()) ++wrong;
        sum += value, ++rows;
      }
      if (rows != 2 * pairs || sum != 100 * pairs) ++wrong;
      ++looks;
    }
  }};
  for (int i = 1; i <= 60'000 || looks < 20; ++i) {
    // From one row to another: only between commits is the sum another one.
    const int pair = i * 7919 % pairs;
    for (const int side : {0, 1}) {
      auto& row = store.change(bytes(key_of(2 * pair + side)));
      row.value += side == 0 ? 1 : -1;
      row.set_present(true);
    }
    if (i % 50 == 0) commit(store, i, 16);
  }
  stop = true;
  asking.join();
  CHECK(wrong == 0);
  CHECK(store.figures().checkpoints > 10);
  CHECK(store.figures().evicted > 0);
}
