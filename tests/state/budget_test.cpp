#include <doctest/doctest.h>

#include <algorithm>
#include <memory>

#include "shadow.hpp"
#include "state/key_filter.hpp"
#include "state/key_hash.hpp"

using namespace klamm;
using namespace klamm::testing;

namespace {

constexpr std::size_t budget = std::size_t{2} << 20;
constexpr std::int64_t rows = 150'000;  // some 7 MB

std::string key_of(std::int64_t i) { return "key-" + std::to_string(i * 7919 % rows); }

StoreFile small_file(const TempDirectory& directory) {
  auto file = file_at(directory / "s.sqlite");
  file.memory_bytes = budget;
  return file;
}

/// Puts all rows, 500 a commit, and tells the largest memory that was seen.
std::size_t fill(Store<std::int64_t>& store) {
  std::size_t most = 0;
  for (std::int64_t i = 0; i < rows; ++i) {
    put(store, key_of(i), i);
    if (i % 500 != 499) continue;
    commit(store, i + 1, 1000);
    most = std::max(most, store.figures().memory_bytes);
  }
  return most;
}

std::uint64_t reads_for_unknown_keys(Store<std::int64_t>& store) {
  const auto before = store.figures().file_reads;
  for (int i = 0; i < 10'000; ++i) CHECK(store.find(bytes("unknown-" + std::to_string(i))) == nullptr);
  return store.figures().file_reads - before;
}

}  // namespace

TEST_CASE("a filter knows all that it has seen, and little that it has not") {
  state::KeyFilter filter{100'000}, other{100'000};
  const auto hash = [](int i) { return state::hash_key(bytes("key-" + std::to_string(i))); };
  for (int i = 0; i < 100'000; ++i) (i % 2 == 0 ? filter : other).add(hash(i));
  filter.merge(other);
  int wrong = 0;
  for (int i = 0; i < 100'000; ++i) CHECK(filter.may_have(hash(i)));
  for (int i = 100'000; i < 200'000; ++i) wrong += filter.may_have(hash(i)) ? 1 : 0;
  CHECK(wrong < 6'000);
}

TEST_CASE("more rows than the budget: memory stays within it, and all rows are there") {
  TempDirectory directory;
  const auto executor = ports::background_thread("checkpoint");
  const auto file = small_file(directory);
  Store<std::int64_t> store;
  REQUIRE(store.open(file, *executor).ok());
  CHECK(fill(store) < budget / 5 * 6);
  CHECK(store.figures().evicted > 50'000);
  CHECK(store.size() < 60'000);
  for (std::int64_t i = 0; i < rows; ++i) {
    const auto* row = store.find(bytes(key_of(i)));
    REQUIRE(row != nullptr);
    REQUIRE(row->value == i);
  }
  CHECK(store.figures().memory_bytes < budget / 5 * 6);
  CHECK(store.figures().file_reads > 50'000);
  // 2 MiB / 20 are 5.6 bits for each of the keys.
  CHECK(reads_for_unknown_keys(store) < 2'000);
}

TEST_CASE("a file that was opened again answers most misses without being asked") {
  TempDirectory directory;
  const auto executor = ports::inline_executor();
  const auto file = small_file(directory);
  {
    Store<std::int64_t> store;
    REQUIRE(store.open(file, *executor).ok());
    fill(store);
    REQUIRE(store.close().ok());
  }
  Store<std::int64_t> store;
  REQUIRE(store.open(file, *executor).ok());
  CHECK(reads_for_unknown_keys(store) < 2'000);
  for (std::int64_t i = 0; i < rows; i += 7) {
    auto& row = store.change(bytes(key_of(i)));
    REQUIRE(row.present());
    REQUIRE(row.value == i);
  }
  store.abort();
  CHECK(store.find(bytes(key_of(7))) != nullptr);
}

TEST_CASE("a restore of more than the budget goes to the file in parts, and starts anew after a crash") {
  TempDirectory directory;
  const auto executor = ports::background_thread("checkpoint");
  const auto file = small_file(directory);
  const auto restore = [&](Store<std::int64_t>& store, std::int64_t records) {
    std::size_t most = 0;
    for (std::int64_t i = 0; i < records; ++i) {
      const bool erased = i >= rows && i % 3 == 0;  // the second half is of the same keys
      REQUIRE(store.restore(bytes(key_of(i)), erased ? BytesView{} : bytes(encoded(i)), Timestamp{i}).ok());
      if (i % 100 == 0) most = std::max(most, store.figures().memory_bytes);
    }
    return most;
  };
  {
    Store<std::int64_t> store;
    REQUIRE(store.open(file, *executor).ok());
    CHECK(restore(store, rows + rows / 2) < budget / 5 * 6);
    CHECK(store.figures().checkpoints > 1);
    CHECK(store.durable_position() == 0);
  }
  Store<std::int64_t> store;
  REQUIRE(store.open(file, *executor).ok());
  CHECK(store.position() == 0);
  CHECK(restore(store, 2 * rows) < budget / 5 * 6);
  REQUIRE(store.end_restore(2 * rows).ok());
  REQUIRE(store.flush().ok());
  CHECK(store.durable_position() == 2 * rows);
  for (std::int64_t i = rows; i < 2 * rows; ++i) {
    const auto* row = store.find(bytes(key_of(i)));
    REQUIRE((row == nullptr) == (i % 3 == 0));
    if (row != nullptr) REQUIRE(row->value == i);
  }
}

TEST_CASE("a row that was erased does not come back from the file while its tombstone is on the way") {
  TempDirectory directory;
  const auto executor = ports::inline_executor();
  Store<std::int64_t> store;
  REQUIRE(store.open(small_file(directory), *executor).ok());
  put<std::int64_t>(store, "gone", 1);
  commit(store, 1);
  std::int64_t i = 0;
  while (store.figures().memory_bytes < budget - 40'000) {
    for (const std::int64_t end = i + 500; i < end; ++i) put(store, key_of(i), i);
    commit(store, 1, 1000);
    REQUIRE(store.flush().ok());
  }
  REQUIRE(store.flush().ok());
  erase(store, "gone");
  commit(store, 2);
  REQUIRE(store.figures().evicted == 0);
  for (const std::int64_t end = i + 2'000; i < end; ++i) put(store, key_of(i), i);
  REQUIRE(store.figures().evicted > 500);
  REQUIRE(store.durable_position() == 1);
  CHECK(store.find(bytes("gone")) == nullptr);
}

TEST_CASE("what values keep on the heap counts") {
  CHECK(detail::heap_bytes(std::int64_t{1}) == 0);
  CHECK(detail::heap_bytes(std::string("short")) == 0);
  CHECK(detail::heap_bytes(std::string(1000, 'x')) >= 1000);
  CHECK(detail::heap_bytes(std::vector<std::string>(2, std::string(1000, 'x'))) >= 2000 + 2 * sizeof(std::string));
  CHECK(detail::heap_bytes(std::optional<std::string>{}) == 0);
  TempDirectory directory;
  const auto executor = ports::inline_executor();
  Store<std::string> store;
  REQUIRE(store.open(small_file(directory), *executor).ok());
  for (int i = 0; i < 5'000; ++i) {
    put(store, "key-" + std::to_string(i), std::string(2'000, 'x'));
    if (i % 20 == 19) commit(store, i + 1, 1000);
    if (i % 20 == 19) CHECK(store.figures().memory_bytes < budget / 5 * 6);
  }
  CHECK(store.figures().heap_bytes > budget / 4);
  CHECK(store.figures().evicted > 3'000);
}

TEST_CASE("rows that a commit has not settled stay, whatever the budget") {
  TempDirectory directory;
  const auto executor = ports::inline_executor();
  Store<std::int64_t> store;
  REQUIRE(store.open(small_file(directory), *executor).ok());
  for (std::int64_t i = 0; i < rows; ++i) put(store, key_of(i), i);
  CHECK(store.figures().evicted == 0);
  CHECK(store.size() == rows);
  store.abort();
  CHECK(store.size() == 0);
  CHECK(store.find(bytes(key_of(1))) == nullptr);
}
