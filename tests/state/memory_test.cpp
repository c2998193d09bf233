// Several stores that share one budget of memory.
#include <doctest/doctest.h>

#include <cstdio>
#include <memory>
#include <vector>

#include "support.hpp"

using namespace klamm;
using namespace klamm::testing;

namespace {

constexpr std::size_t total = std::size_t{12} << 20;
constexpr std::size_t stores = 6;
constexpr std::int64_t rows = 100'000;  // of one store: some 5 MB

std::string key_of(std::int64_t i) { return "key-" + std::to_string(i * 7919 % rows); }

std::size_t resident_bytes() {
  long pages = 0, resident = 0;
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  REQUIRE((file != nullptr && std::fscanf(file, "%ld %ld", &pages, &resident) == 2));
  std::fclose(file);
  return static_cast<std::size_t>(resident) * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

/// Stores as tasks of one application have them, on one thread.
struct Family {
  Family() {
    for (std::size_t i = 0; i < stores; ++i) add(i);
  }
  void add(std::size_t i) {
    auto file = file_at(directory / std::to_string(i));
    file.shared = budget;
    file.memory_bytes = budget->equal_share();
    if (all.size() <= i) all.resize(i + 1);
    all[i] = std::make_unique<Store<std::int64_t>>();
    REQUIRE(all[i]->open(file, *executor).ok());
  }
  /// Counts each of some keys once, and lets time pass for all.
  void count(std::size_t store, std::int64_t from, std::int64_t to) {
    for (std::int64_t i = from; i < to; ++i) {
      auto& row = all[store]->change(bytes(key_of(i)));
      ++row.value;
      row.set_present(true);
      if (i % 500 == 499) pass(store);
    }
    pass(store);
  }
  void pass(std::size_t store) {
    commit(*all[store], ++end, 1000);
    now += 20;
    for (const auto& each : all) each->share_memory(now);
    std::size_t used = 0, limits = budget->free();
    for (const auto& each : all) {
      const auto figures = each->figures();
      used += figures.memory_bytes, limits += figures.memory_limit;
    }
    CHECK(limits <= total);
    most = std::max(most, used);
  }
  void check(std::size_t store, std::int64_t value) {
    for (std::int64_t i = 0; i < rows; i += 37) {
      const auto* row = all[store]->find(bytes(key_of(i)));
      REQUIRE(row != nullptr);
      REQUIRE(row->value == value);
    }
  }

  TempDirectory directory;
  std::unique_ptr<ports::Executor> executor = ports::background_thread("checkpoint");
  std::shared_ptr<detail::MemoryBudget> budget = std::make_shared<detail::MemoryBudget>(total, stores);
  std::vector<std::unique_ptr<Store<std::int64_t>>> all;
  std::int64_t now = 0, end = 0;
  std::size_t most = 0;
};

}  // namespace

TEST_CASE("what is taken of a budget and what is left are never more than the whole") {
  detail::MemoryBudget budget{1'000'000, 7};
  std::size_t taken = 7 * budget.least();
  for (int i = 0; i < 1'000; ++i) {
    const std::size_t piece = budget.take();
    taken += piece;
    CHECK(taken + budget.free() == 1'000'000);
    if (piece != 0) continue;
    CHECK(budget.hungry());
    budget.give(100'000);
    taken -= 100'000;
    CHECK(!budget.hungry());
  }
}

TEST_CASE("a busy store gets what idle ones don't need, and gives it back when another wants it") {
  Family family;
  const std::size_t before = resident_bytes();
  for (std::size_t store = 0; store < stores; ++store) family.count(store, 0, 1'000);
  family.count(0, 1'000, rows);
  CHECK(family.all[0]->figures().memory_limit > total / 3);
  CHECK(family.all[0]->figures().evicted == 0);  // alone it has room
  for (const std::size_t busy : {std::size_t{1}, std::size_t{2}, std::size_t{3}}) {
    family.count(busy, 1'000, rows);
    family.count(busy, 0, rows);
    CHECK(family.all[busy]->figures().memory_limit > family.budget->equal_share());
    CHECK(family.most < total / 5 * 6);
    CHECK(resident_bytes() < before + total / 5 * 6 + (std::size_t{8} << 20));  // the allocator's share
  }
  CHECK(family.all[0]->figures().evicted > rows / 2);
  CHECK(family.all[0]->figures().memory_limit < total / 3);
  family.check(0, 1);
  for (const std::size_t busy : {std::size_t{1}, std::size_t{2}, std::size_t{3}}) family.check(busy, 2);
}

TEST_CASE("stores that are all busy share what there is, close and come back without losing memory or rows") {
  Family family;
  for (std::int64_t from = 0; from < rows; from += 10'000) {
    for (std::size_t store = 0; store < stores; ++store) family.count(store, from, from + 10'000);
  }
  CHECK(family.most < total / 5 * 6);
  std::uint64_t evicted = 0;
  for (std::size_t store = 0; store < stores; ++store) {
    evicted += family.all[store]->figures().evicted;
    REQUIRE(family.all[store]->close().ok());
    family.all[store].reset();
    family.add(store);
  }
  CHECK(evicted > stores * rows / 3);
  for (std::size_t store = 0; store < stores; ++store) family.check(store, 1);
  family.all.clear();
  CHECK(family.budget->free() + stores * family.budget->least() == total);
}

TEST_CASE("memory that is given back and taken again holds rows of all sizes") {
  Family family;
  std::int64_t round = 0;
  const auto key = [&](std::int64_t i) {
    return std::string(static_cast<std::size_t>((i * 31 + round * 17) % 90), 'k') + std::to_string(i);
  };
  for (; round < 6; ++round) {
    auto& store = *family.all[0];
    for (std::int64_t i = 0; i < 30'000; ++i) {
      auto& row = store.change(bytes(key(i)));
      row.value = round * 100'000 + i;
      row.set_present(true);
      if (i % 500 == 499) family.pass(0);
    }
    REQUIRE(store.flush().ok());
    const std::size_t limit = store.figures().memory_limit;
    for (int i = 0; i < 4'000; ++i) {
      while (family.budget->take() != 0) {  // somebody else takes all, for ever
      }
      family.now += 50;
      store.share_memory(family.now);
    }
    CHECK(store.figures().memory_limit < std::max(limit, 2 * family.budget->least()));
    for (std::int64_t i = 0; i < 30'000; i += 7) {
      const auto* row = store.find(bytes(key(i)));
      REQUIRE(row != nullptr);
      REQUIRE(row->value == round * 100'000 + i);
    }
  }
}
