// Count per key: CPU of the updating thread with commits and the changelog's serialisation, against a bare hash map and plain SQLite.
#include <absl/container/flat_hash_map.h>
#include <sqlite3.h>

#include "support.hpp"

namespace klamm::bench {
namespace {

using Order = std::vector<std::uint32_t>;
using Map = absl::flat_hash_map<std::string, std::int64_t>;

double bare(Map& map, const Keys& keys, const Order& order) {
  const double start = thread_cpu();
  for (const auto id : order) {
    const auto key = keys.text(id);
    ++map.find(absl::string_view(key.data(), key.size()))->second;
  }
  return (thread_cpu() - start) / static_cast<double>(order.size()) * 1e9;
}

enum class Hints : bool { none, given };

double counted(Task& task, const Keys& keys, const Order& order, Hints hints) {
  const double start = thread_cpu();
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (hints == Hints::given && i + 16 < order.size()) {  // as a task does that reads its batch's keys ahead
      task.store.hint_far(keys[order[i + 16]]);
      task.store.hint(keys[order[i + 8]]);
    }
    task.count(keys[order[i]]);
    if ((i + 1) % per_commit == 0) task.commit();
  }
  return (thread_cpu() - start) / static_cast<double>(order.size()) * 1e9;
}

/// The same without klamm: a table, and one upsert for each update.
class Plain {
 public:
  explicit Plain(const Keys& keys) {
    must(sqlite3_open((directory_ / "plain.sqlite").c_str(), &db_) == SQLITE_OK, "can't open a database");
    run("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-65536;"
        "CREATE TABLE counts(k BLOB PRIMARY KEY, v INTEGER) WITHOUT ROWID");
    must(sqlite3_prepare_v2(db_, "INSERT INTO counts VALUES(?1,1) ON CONFLICT DO UPDATE SET v=v+1", -1, &upsert_, nullptr) == SQLITE_OK,
         "prepare");
    std::vector<std::string_view> sorted;
    for (std::size_t i = 0; i < keys.size(); ++i) sorted.push_back(keys.text(i));
    std::sort(sorted.begin(), sorted.end());
    run("BEGIN");
    for (const auto& key : sorted) put(key);
    run("COMMIT");
  }
  ~Plain() {
    sqlite3_finalize(upsert_);
    sqlite3_close(db_);
  }
  Plain(const Plain&) = delete;
  Plain& operator=(const Plain&) = delete;

  double count(const Keys& keys, const Order& order, std::size_t updates) {
    const double start = thread_cpu();
    run("BEGIN");
    for (std::size_t i = 0; i < updates; ++i) {
      put(keys.text(order[i]));
      if ((i + 1) % per_commit == 0) run("COMMIT; BEGIN");
    }
    run("COMMIT");
    return (thread_cpu() - start) / static_cast<double>(updates) * 1e9;
  }

 private:
  void run(const char* sql) { must(sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) == SQLITE_OK, sql); }
  void put(std::string_view key) {
    sqlite3_bind_blob64(upsert_, 1, key.data(), key.size(), SQLITE_STATIC);
    must(sqlite3_step(upsert_) == SQLITE_DONE, "upsert");
    sqlite3_reset(upsert_);
  }

  TempDirectory directory_;
  sqlite3* db_ = nullptr;
  sqlite3_stmt* upsert_ = nullptr;
};

void print(const Keys& keys, Spread spread, const char* what, double ns, double base, const std::string& more = "") {
  std::printf(
      "{\"name\":\"state\",\"payload\":\"%zu keys of %zu bytes, %s\",\"operators\":\"count: %s\",\"cpu_ns\":%.1f,\"ratio\":%.2f%s}\n",
      keys.size(), keys.key_bytes(), name_of(spread), what, ns, ns / base, more.c_str());
  std::fflush(stdout);
}

}  // namespace

void count_per_key(std::size_t n, std::size_t updates) {
  for (const std::size_t key_bytes : {std::size_t{12}, std::size_t{24}}) {
    const Keys keys(n, key_bytes);
    Map map;
    for (std::size_t i = 0; i < n; ++i) map[std::string(keys.text(i))] = 0;
    Task task(32 * mebibyte, 0);
    task.fill(keys, per_commit);
    Plain plain(keys);
    for (const Spread spread : {Spread::uniform, Spread::zipf}) {
      const auto order = ids(updates, n, spread, 7);
      const auto before = task.store.figures();
      std::vector<double> base, without, with, sqlite;
      for (int round = 0; round < rounds; ++round) {
        base.push_back(bare(map, keys, order));
        without.push_back(counted(task, keys, order, Hints::none));
        with.push_back(counted(task, keys, order, Hints::given));
        sqlite.push_back(plain.count(keys, order, std::min<std::size_t>(updates, 100'000)));
      }
      const auto after = task.store.figures();
      const double map_ns = median(base);
      print(keys, spread, "hash map", map_ns, map_ns);
      print(keys, spread, "store, checkpoints running", median(without), map_ns,
            ",\"checkpoints\":" + std::to_string(after.checkpoints - before.checkpoints) +
                ",\"bytes_per_key\":" + std::to_string(after.row_bytes / n));
      print(keys, spread, "store, checkpoints running, with hints", median(with), map_ns);
      print(keys, spread, "SQLite upserts", median(sqlite), map_ns);
    }
  }
}

}  // namespace klamm::bench
