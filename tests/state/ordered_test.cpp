#include <doctest/doctest.h>

#include <map>
#include <random>
#include <tuple>
#include <vector>

#include "klamm/detail/ordered_store.hpp"
#include "support.hpp"

// Stores ordered by key and time, whose segments expire.

namespace klamm::testing {
namespace {

using detail::OrderedStore;
using detail::RowOrder;
using detail::RowTime;
using detail::Tail;
using detail::TimeCursor;
using Counts = OrderedStore<std::int64_t>;

constexpr RowOrder windows{Tail::window, true, 10};

void put(Counts& store, const std::string& key, RowTime time, std::int64_t value) {
  auto& row = store.change(bytes(key), time);
  row.value = value;
  row.timestamp = Timestamp{time.first};
  store.keep(row);
}
void erase(Counts& store, const std::string& key, RowTime time) { store.erase(store.change(bytes(key), time)); }

std::string shown(RowTime time) { return std::to_string(time.first) + '/' + std::to_string(time.second); }
/// The times of a key in a range, as "10/0 20/0".
std::string times(Counts& store, const std::string& key, std::int64_t from = 0, std::int64_t to = 1'000'000) {
  std::vector<RowTime> found;
  store.times(bytes(key), from, to, found);
  std::string text;
  for (const RowTime& time : found) text += (text.empty() ? "" : " ") + shown(time);
  return text;
}
/// All rows in the order of time, from a time on, as "a@10/0 b@10/0".
std::string in_time(Counts& store, std::int64_t from = 0) {
  std::string all;
  TimeCursor cursor{{from, 0}};
  while (store.next(cursor)) all += (all.empty() ? "" : " ") + text(cursor.key) + '@' + shown(cursor.time);
  return all;
}
/// The changelog's key.
std::string logged(const std::string& key, std::int64_t start) { return key + encoded(start) + encoded(std::int32_t{0}); }

struct Opening {
  explicit Opening(const StoreFile& file, const RowOrder& order = windows) {
    store.order(order);
    status = store.open(file, *executor).status();
  }
  std::unique_ptr<ports::Executor> executor = ports::inline_executor();
  Counts store;
  Status status;
};

StoreFile window_file(const std::string& path) {
  StoreFile file = file_at(path);
  file.key_schema = "windowed<string>";
  return file;
}

}  // namespace

TEST_CASE("ordered store: the rows of a key are found by a range of time, across segments, and no other key's") {
  Counts store;
  store.order(windows);
  for (const std::int64_t start : {30, 5, 12, 12'000, 19}) put(store, "a", {start, 0}, start);
  put(store, "ab", {12, 0}, 1);
  put(store, "", {12, 0}, 2);
  CHECK(times(store, "a") == "5/0 12/0 19/0 30/0 12000/0");
  CHECK(times(store, "a", 12, 30) == "12/0 19/0 30/0");
  CHECK(times(store, "a", -5, 11) == "5/0");
  CHECK(times(store, "a", 13, 12) == "");
  CHECK(times(store, "ab") == "12/0");
  CHECK(times(store, "") == "12/0");
  CHECK(times(store, "b") == "");
  CHECK(store.find(bytes("a"), {12, 0})->value == 12);
  CHECK(store.find(bytes("a"), {13, 0}) == nullptr);
}

TEST_CASE("ordered store: duplicates of one time stay apart, in the order of their numbers") {
  Counts store;
  store.order(windows);
  put(store, "a", {7, 300}, 3);
  put(store, "a", {7, 2}, 2);
  put(store, "a", {6, 9}, 1);
  CHECK(times(store, "a") == "6/9 7/2 7/300");
}

TEST_CASE("ordered store: sessions are ordered by their end, then their start") {
  Counts store;
  store.order({Tail::session, true, 0});
  put(store, "a", {20, 11}, 1);
  put(store, "b", {20, 3}, 1);
  put(store, "a", {9, 1}, 1);
  CHECK(times(store, "a", 9, 20) == "9/1 20/11");
  CHECK(times(store, "a", 10, 99) == "20/11");
  CHECK(in_time(store) == "a@9/1 b@20/3 a@20/11");
}

TEST_CASE("ordered store: the order of time goes over all keys, and what comes and goes on the way is seen") {
  Counts store;
  store.order(windows);
  put(store, "b", {5, 0}, 1);
  put(store, "a", {25, 0}, 1);
  put(store, "a", {5, 0}, 1);
  CHECK(in_time(store) == "a@5/0 b@5/0 a@25/0");
  CHECK(in_time(store, 6) == "a@25/0");
  TimeCursor cursor{{0, 0}};
  CHECK(store.next(cursor));
  erase(store, "b", {5, 0});
  put(store, "c", {5, 0}, 1);
  CHECK(store.next(cursor));
  CHECK(text(cursor.key) == "c");
  CHECK(store.present() == 3);
}

TEST_CASE("ordered store: an abort brings the order back, too") {
  Counts store;
  store.order(windows);
  put(store, "a", {5, 0}, 1);
  put(store, "b", {5, 0}, 1);
  commit(store, 10);
  erase(store, "a", {5, 0});
  put(store, "c", {5, 0}, 1);
  store.begin_commit();
  put(store, "d", {5, 0}, 1);
  put(store, "a", {5, 0}, 9);
  erase(store, "b", {5, 0});
  store.abort();
  CHECK(in_time(store) == "a@5/0 b@5/0");
  CHECK(times(store, "a") == "5/0");
  CHECK(store.find(bytes("a"), {5, 0})->value == 1);
  CHECK(store.find(bytes("c"), {5, 0}) == nullptr);
}

TEST_CASE("ordered store: by key alone, rows are found by what their keys begin with, also after an abort and in a file") {
  const TempDirectory directory;
  StoreFile file = file_at(directory / "k.sqlite");
  const RowOrder by_key{Tail::key};
  const auto beginning = [](Counts& store, const std::string& prefix) {
    std::string all;
    store.for_each_beginning(bytes(prefix), [&](BytesView key) { all += (all.empty() ? "" : " ") + text(key); });
    return all;
  };
  {
    Opening opened{file, by_key};
    REQUIRE(opened.status.ok());
    for (const char* key : {"b1", "a2", "a", "a10", "b", ""}) put(opened.store, key, RowTime{}, 1);
    CHECK(beginning(opened.store, "a") == "a a10 a2");
    CHECK(beginning(opened.store, "b1") == "b1");
    CHECK(beginning(opened.store, "c") == "");
    CHECK(commit(opened.store, 1).contains("a10"));  // the changelog's key is the key
    erase(opened.store, "a10", RowTime{});
    put(opened.store, "a3", RowTime{}, 1);
    CHECK(beginning(opened.store, "a") == "a a2 a3");
    opened.store.abort();
    CHECK(beginning(opened.store, "a") == "a a10 a2");
    erase(opened.store, "a2", RowTime{});
    commit(opened.store, 2);
    CHECK(opened.store.close().ok());
  }
  Opening again{file, by_key};
  REQUIRE(again.status.ok());
  CHECK(beginning(again.store, "a") == "a a10");
  CHECK(again.store.find(bytes("a10"), {})->value == 1);
  CHECK(again.store.restore(bytes("a4"), bytes(encoded(std::int64_t{1})), Timestamp{}).ok());
  CHECK(again.store.restore(bytes("a"), {}, Timestamp{}).ok());
  CHECK(again.store.end_restore(3).ok());
  CHECK(beginning(again.store, "a") == "a10 a4");
}

TEST_CASE("ordered store: the changelog has keys in Kafka Streams' layout") {
  Counts store;
  store.order(windows);
  put(store, "ab", {12, 0}, 7);
  const Table table = commit(store, 1);
  REQUIRE(table.size() == 1);
  CHECK(table.begin()->first == std::string{"ab\0\0\0\0\0\0\0\x0c\0\0\0\0", 14});
}

TEST_CASE("ordered store: expired segments go when the commit is settled, without tombstones, and not with an abort") {
  Counts store;
  store.order(windows);
  for (const std::int64_t start : {5, 15, 25}) put(store, "a", {start, 0}, start);
  commit(store, 1);
  store.expire_before(Timestamp{21});
  store.abort();
  commit(store, 2);
  CHECK(times(store, "a") == "5/0 15/0 25/0");

  store.expire_before(Timestamp{29});
  store.begin_commit();
  CHECK(store.expired_before() == Timestamp{29});
  CHECK(times(store, "a") == "5/0 15/0 25/0");
  CHECK(store.drain(100, [](BytesView, BytesView, Timestamp) { CHECK(false); }));
  CHECK(store.settle(3).ok());
  CHECK(times(store, "a") == "25/0");  // its segment ends at 30
  CHECK(store.find(bytes("a"), {15, 0}) == nullptr);
  CHECK(table_of(store).size() == 1);
}

TEST_CASE("ordered store: a file goes on with its order, and its expired rows are deleted by the checkpoint") {
  const TempDirectory directory;
  const StoreFile file = window_file(directory / "w.sqlite");
  {
    Opening opened{file};
    REQUIRE(opened.status.ok());
    for (const std::int64_t start : {5, 15, 25}) put(opened.store, "a", {start, 0}, start);
    commit(opened.store, 1);
    CHECK(opened.store.flush().ok());
    put(opened.store, "b", {15, 0}, 1);
    opened.store.expire_before(Timestamp{10});
    commit(opened.store, 2);
    CHECK(opened.store.close().ok());
  }
  Opening again{file};
  REQUIRE(again.status.ok());
  CHECK(in_time(again.store) == "a@15/0 b@15/0 a@25/0");
  CHECK(again.store.find(bytes("a"), {25, 0})->value == 25);
  CHECK(again.store.find(bytes("a"), {5, 0}) == nullptr);
  erase(again.store, "a", {15, 0});
  commit(again.store, 3);
  CHECK(in_time(again.store) == "b@15/0 a@25/0");
}

TEST_CASE("ordered store: what has expired as of the mark is restored neither from the file nor from the changelog") {
  const TempDirectory directory;
  StoreFile file = window_file(directory / "w.sqlite");
  {
    Opening opened{file};
    for (const std::int64_t start : {5, 15, 25}) put(opened.store, "a", {start, 0}, start);
    commit(opened.store, 1);
    CHECK(opened.store.close().ok());
  }
  file.expired_before = Timestamp{20};
  Opening again{file};
  CHECK(again.store.restore(bytes(logged("b", 15)), bytes(encoded<std::int64_t>(1)), Timestamp{15}).ok());
  CHECK(again.store.restore(bytes(logged("b", 22)), bytes(encoded<std::int64_t>(1)), Timestamp{22}).ok());
  CHECK(again.store.end_restore(3).ok());
  CHECK(in_time(again.store) == "b@22/0 a@25/0");
  CHECK(table_of(again.store).size() == 2);
}

TEST_CASE("ordered store: a changelog's key that is too short is said so") {
  Counts store;
  store.order(windows);
  std::unique_ptr<ports::Executor> executor = ports::inline_executor();
  StoreFile file = window_file("");
  REQUIRE(store.open(file, *executor).ok());
  const Status status = store.restore(bytes("short"), bytes("x"), Timestamp{});
  CHECK(status.code() == Code::data_loss);
  CHECK(status.message().find("its key is too short") != std::string::npos);
}

namespace {

/// What an ordered store should hold.
struct Naive {
  using Rows = std::map<std::tuple<std::string, std::int64_t, std::int64_t>, std::int64_t>;
  Rows now, in_flight, settled;
  std::int64_t expiry_now = 0, expiry_in_flight = 0, expiry_settled = 0;

  void drop() {
    for (Rows* rows : {&now, &settled})
      std::erase_if(*rows, [&](const auto& row) { return std::get<1>(row.first) / 10 < expiry_settled / 10; });
  }
};

Naive::Rows rows_of(Counts& store) {
  Naive::Rows rows;
  TimeCursor cursor{{0, 0}};
  while (store.next(cursor)) {
    const auto* row = store.find(bytes(text(cursor.key)), cursor.time);
    rows[{text(cursor.key), cursor.time.first, cursor.time.second}] = row == nullptr ? -1 : row->value;
  }
  return rows;
}

/// Random changes, commits, aborts, expiry, checkpoints and crashes, against a plain map.
void compare(std::uint64_t seed, const std::string& path, std::size_t memory_bytes) {
  std::mt19937_64 random{seed};
  const auto below = [&random](std::uint64_t n) { return static_cast<std::int64_t>(random() % n); };
  StoreFile file = window_file(path);
  file.dirty_bytes = 2000;
  file.memory_bytes = memory_bytes;
  Naive naive;
  Table changelog;
  std::int64_t offset = 0;
  bool committing = false;
  auto opened = std::make_unique<Opening>(file);
  const auto log_all = [&] {
    while (!opened->store.drain(3, [&](BytesView key, BytesView value, Timestamp timestamp) { show(changelog, key, value, timestamp); })) {
    }
  };
  Table drained;
  for (int step = 0; step < 600; ++step) {
    Counts& store = opened->store;
    const std::int64_t open_from = naive.expiry_now / 10 * 10;
    const std::string key(static_cast<std::size_t>(below(3)), "abc"[below(3)]);
    const RowTime time{open_from + below(60), below(2)};
    const std::tuple id{key, time.first, time.second};
    switch (below(16)) {
      default:
        put(store, key, time, step);
        naive.now[id] = step;
        break;
      case 0:
      case 1:
        erase(store, key, time);
        naive.now.erase(id);
        break;
      case 2:
        naive.expiry_now += below(12);
        store.expire_before(Timestamp{naive.expiry_now});
        break;
      case 3:
        if (committing) break;
        store.begin_commit();
        naive.in_flight = naive.now;
        naive.expiry_in_flight = naive.expiry_now;
        committing = true;
        break;
      case 4:
      case 5:
        if (!committing) break;
        log_all();
        CHECK(store.settle(++offset).ok());
        naive.settled = naive.in_flight;
        naive.expiry_settled = naive.expiry_in_flight;
        naive.drop();
        committing = false;
        break;
      case 6:
        if (committing && below(2) == 0) break;
        store.abort();
        // What was drained for an aborted commit is not in the log.
        naive.now = naive.settled;
        naive.expiry_now = naive.expiry_settled;
        committing = false;
        break;
      case 7:
        store.checkpoint();
        break;
      case 8:
        if (committing || below(6) != 0) break;
        naive.now = naive.settled;
        naive.expiry_now = naive.expiry_settled;
        file.expired_before = Timestamp{naive.expiry_settled};
        opened.reset();
        opened = std::make_unique<Opening>(file);
        REQUIRE(opened->status.ok());
        for (const auto& [logged_key, value] : changelog) {
          CHECK(opened->store.restore(bytes(logged_key), value.tombstone ? BytesView{} : bytes(value.value), Timestamp{value.timestamp})
                    .ok());
        }
        CHECK(opened->store.end_restore(offset).ok());
        break;
    }
    REQUIRE(rows_of(opened->store) == naive.now);
    const std::string probe(static_cast<std::size_t>(below(3)), "abc"[below(3)]);
    const std::int64_t from = open_from + below(60), to = from + below(30);
    std::string expected;
    for (const auto& [at, value] : naive.now) {
      const auto& [k, first, second] = at;
      if (k == probe && first >= from && first <= to) expected += (expected.empty() ? "" : " ") + shown(RowTime{first, second});
    }
    REQUIRE(times(opened->store, probe, from, to) == expected);
  }
}

}  // namespace

TEST_CASE("ordered store: behaves as a plain map does, over commits, aborts, expiry, checkpoints and crashes") {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    const TempDirectory directory;
    compare(seed, directory / "w.sqlite", 0);
  }
}
TEST_CASE("ordered store: the same when most rows have left memory") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    const TempDirectory directory;
    compare(seed, directory / "w.sqlite", 20'000);
  }
}

TEST_CASE("what expired while others had the store goes when it comes back, and is not restored") {
  Opening opened{{}};
  REQUIRE(opened.status.ok());
  Counts& store = opened.store;
  for (const std::int64_t start : {5, 25, 45}) put(store, "a", {start, 0}, start);
  store.begin_commit();
  store.drain(SIZE_MAX, [](BytesView, BytesView, Timestamp) {});
  REQUIRE(store.settle(3).ok());
  store.expire_restored(Timestamp{40});
  CHECK(times(store, "a") == "45/0");
  CHECK(store.size() == 1);
  const auto value = encoded<std::int64_t>(7);
  REQUIRE(store.restore(bytes(logged("b", 15)), bytes(value), Timestamp{15}).ok());
  REQUIRE(store.restore(bytes(logged("b", 55)), bytes(value), Timestamp{55}).ok());
  REQUIRE(store.end_restore(5).ok());
  CHECK(times(store, "b") == "55/0");
  // It never goes back.
  store.expire_restored(Timestamp{10});
  CHECK(store.expired_before() == Timestamp{40});
}

}  // namespace klamm::testing
