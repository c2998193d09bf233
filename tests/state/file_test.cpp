#include <doctest/doctest.h>
#include <sqlite3.h>
#include <sys/resource.h>

#include <csignal>
#include <memory>

#include "support.hpp"

using namespace klamm;
using namespace klamm::testing;
namespace fs = std::filesystem;

namespace {

/// All rows of a query, as the command line tool shows them.
std::string query(const std::string& path, const std::string& sql) {
  sqlite3* db = nullptr;
  std::string out;
  sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READONLY, nullptr);
  char* error = nullptr;
  const auto line = [](void* to, int n, char** values, char**) {
    for (int i = 0; i < n; ++i) static_cast<std::string*>(to)->append(i == 0 ? "" : "|").append(values[i] == nullptr ? "NULL" : values[i]);
    static_cast<std::string*>(to)->append("\n");
    return 0;
  };
  if (sqlite3_exec(db, sql.c_str(), line, &out, &error) != SQLITE_OK) out = std::string("error: ") + error;
  sqlite3_free(error);
  sqlite3_close(db);
  return out;
}

/// The view of a store with one row, key and value given.
template <class K, class V>
std::string viewed(const K& key, const V& value, const std::string& key_schema, const std::string& value_schema,
                   const std::string& store = "counts") {
  TempDirectory directory;
  const auto executor = ports::inline_executor();
  auto file = file_at(directory / "s.sqlite");
  file.key_schema = key_schema, file.value_schema = value_schema, file.store = store;
  Store<V> s;
  if (!s.open(file, *executor).ok()) return "not opened";
  put<V>(s, encoded(key), value, 5);
  commit(s, 1);
  if (const auto status = s.close(); !status.ok()) return status.message();
  return query(file.path, "SELECT * FROM \"" + (store == "Rows" ? "Rows_view" : store) + '"');
}

}  // namespace

TEST_CASE("what was settled is in the file after close, and the changelog's offset and mark with it") {
  TempDirectory directory;
  const auto executor = ports::background_thread("checkpoint");
  const auto file = file_at(directory / "some/where/3.sqlite");
  {
    Store<std::int64_t> store;
    auto opened = store.open(file, *executor);
    REQUIRE(opened.ok());
    CHECK(opened->how == Opened::How::fresh);
    CHECK(store.position() == 0);
    put<std::int64_t>(store, "a", 1, 11);
    put<std::int64_t>(store, "b", 2, 12);
    store.begin_commit();
    while (!store.drain(100, [](BytesView, BytesView, Timestamp) {})) {
    }
    REQUIRE(store.settle(17, "mark").ok());
    put<std::int64_t>(store, "a", 99, 13);  // not settled
    REQUIRE(store.close().ok());
  }
  CHECK(!fs::exists(file.path + "-wal"));
  Store<std::int64_t> store;
  auto opened = store.open(file, *executor);
  REQUIRE(opened.ok());
  CHECK(opened->how == Opened::How::resumed);
  CHECK(opened->reason.find("offset 17") != std::string::npos);
  CHECK(store.position() == 17);
  CHECK(store.mark() == "mark");
  CHECK(store.size() == 0);
  REQUIRE(store.find(bytes("a")) != nullptr);
  CHECK(store.find(bytes("a"))->value == 1);
  CHECK(store.find(bytes("a"))->timestamp == Timestamp{11});
  CHECK(store.find(bytes("c")) == nullptr);
  CHECK(table_of(store) == Table{{"a", {encoded<std::int64_t>(1), 11}}, {"b", {encoded<std::int64_t>(2), 12}}});
}

TEST_CASE("a store destroyed without close keeps its last checkpoint") {
  TempDirectory directory;
  const auto executor = ports::inline_executor();
  const auto file = file_at(directory / "s.sqlite");
  {
    Store<std::int64_t> store;
    REQUIRE(store.open(file, *executor).ok());
    put<std::int64_t>(store, "a", 1);
    commit(store, 1);
    REQUIRE(store.flush().ok());
    put<std::int64_t>(store, "a", 2);
    commit(store, 2);
  }
  Store<std::int64_t> store;
  REQUIRE(store.open(file, *executor).ok());
  CHECK(store.position() == 1);
  CHECK(store.find(bytes("a"))->value == 1);
}

TEST_CASE("memory and file make one table: changed, erased and new keys of a file that was opened") {
  TempDirectory directory;
  const auto executor = ports::inline_executor();
  const auto file = file_at(directory / "s.sqlite");
  {
    Store<std::string> store;
    REQUIRE(store.open(file, *executor).ok());
    for (const char* key : {"b", "d", "f", "h"}) put<std::string>(store, key, "file");
    commit(store, 1);
    REQUIRE(store.close().ok());
  }
  Store<std::string> store;
  REQUIRE(store.open(file, *executor).ok());
  put<std::string>(store, "a", "new");
  put<std::string>(store, "d", "changed");
  erase(store, "f");
  erase(store, "never there");
  put<std::string>(store, "z", "new");
  const Table before{{"b", {"file"}}, {"d", {"file"}}, {"f", {"file"}}, {"h", {"file"}}};
  const Table after{{"a", {"new"}}, {"b", {"file"}}, {"d", {"changed"}}, {"h", {"file"}}, {"z", {"new"}}};
  CHECK(table_of(store) == after);
  CHECK(table_of(store, Contents::committed) == before);
  const Table log = commit(store, 2);
  CHECK(log == Table{{"a", {"new"}}, {"d", {"changed"}}, {"f", {"", 0, true}}, {"z", {"new"}}});
  CHECK(store.find(bytes("f")) == nullptr);  // the file still has it
  CHECK(table_of(store, Contents::committed) == after);
  REQUIRE(store.flush().ok());
  commit(store, 3);
  CHECK(store.find(bytes("f")) == nullptr);  // now it has not
  CHECK(store.size() == 3);
  CHECK(table_of(store) == after);
}

TEST_CASE("one row is told from the file too, and is not brought into memory by that") {
  TempDirectory directory;
  const auto executor = ports::inline_executor();
  const auto file = file_at(directory / "s.sqlite");
  {
    Store<std::int64_t> store;
    REQUIRE(store.open(file, *executor).ok());
    put<std::int64_t>(store, "a", 1, 11);
    put<std::int64_t>(store, "b", 2, 12);
    commit(store, 2);
    REQUIRE(store.close().ok());
  }
  Store<std::int64_t> store;
  REQUIRE(store.open(file, *executor).ok());
  Bytes value;
  Timestamp timestamp;
  CHECK(store.get(Contents::committed, bytes("a"), value, timestamp) == true);
  CHECK(text(value) == encoded<std::int64_t>(1));
  CHECK(timestamp == Timestamp{11});
  CHECK(store.get(Contents::current, bytes("c"), value, timestamp) == false);
  CHECK(value.empty());
  CHECK(store.size() == 0);
  put<std::int64_t>(store, "b", 3, 13);
  CHECK(store.get(Contents::committed, bytes("b"), value, timestamp) == true);
  CHECK(text(value) == encoded<std::int64_t>(2));
  CHECK(timestamp == Timestamp{12});
  CHECK(store.get(Contents::current, bytes("b"), value, timestamp) == true);
  CHECK(text(value) == encoded<std::int64_t>(3));
  CHECK(store.figures().file_reads == 3);
}

TEST_CASE("the durable position is where a restore would start after a crash") {
  TempDirectory directory;
  const auto executor = ports::inline_executor();
  auto file = file_at(directory / "s.sqlite");
  file.changelog_begin = 5;
  {
    Store<std::int64_t> store;
    REQUIRE(store.open(file, *executor).ok());
    CHECK(store.durable_position() == 5);
    put<std::int64_t>(store, "a", 1);
    commit(store, 8);
    CHECK(store.position() == 8);
    CHECK(store.durable_position() == 5);
    REQUIRE(store.flush().ok());
    CHECK(store.durable_position() == 8);
    put<std::int64_t>(store, "a", 2);
    commit(store, 9);
    CHECK(store.durable_position() == 8);
  }
  Store<std::int64_t> store;
  REQUIRE(store.open(file, *executor).ok());
  CHECK(store.durable_position() == 8);
  CHECK(store.position() == 8);
  Store<std::int64_t> in_memory;
  put<std::int64_t>(in_memory, "a", 1);
  commit(in_memory, 7);
  CHECK(in_memory.durable_position() == 7);
}

TEST_CASE("checkpoints are started by dirty bytes, by time, and by name") {
  TempDirectory directory;
  const auto executor = ports::inline_executor();
  auto file = file_at(directory / "s.sqlite");
  file.dirty_bytes = 4096;
  file.checkpoint_interval = Duration{1000};
  Store<std::int64_t> store;
  REQUIRE(store.open(file, *executor).ok());
  store.maybe_checkpoint(5000);
  put<std::int64_t>(store, "a", 1);
  commit(store, 1);
  store.maybe_checkpoint(5999);
  CHECK(store.figures().checkpoints == 0);
  store.maybe_checkpoint(6000);
  CHECK(store.figures().checkpoints == 1);
  CHECK(store.figures().dirty_bytes == 0);
  store.checkpoint();
  CHECK(store.figures().checkpoints == 1);  // nothing new
  put<std::int64_t>(store, "a", 2);
  commit(store, 2);
  store.checkpoint();
  CHECK(store.figures().checkpoints == 2);
  for (int i = 0; i < 200; ++i) put<std::int64_t>(store, "key-" + std::to_string(i), i);
  commit(store, 3);
  CHECK(store.figures().checkpoints == 3);
  for (int i = 0; i < 1000; ++i) {  // a hot key is folded, not written
    put<std::int64_t>(store, "hot", i);
    commit(store, 4 + i);
  }
  CHECK(store.figures().checkpoints == 3);
  CHECK(store.figures().folds > 0);
  REQUIRE(store.close().ok());
  CHECK(query(file.path, "SELECT value FROM counts WHERE key='hot'") == "999\n");
  CHECK(query(file.path, "SELECT changelog_offset FROM meta") == "1003\n");
}

TEST_CASE("a first restore builds the file at its end, sorted") {
  TempDirectory directory;
  const auto executor = ports::inline_executor();
  const auto file = file_at(directory / "s.sqlite");
  Store<std::int64_t> store;
  REQUIRE(store.open(file, *executor).ok());
  for (std::int64_t i = 0; i < 20'000; ++i) {
    REQUIRE(store.restore(bytes("key-" + std::to_string(i * 7919 % 10'000)), bytes(encoded(i)), Timestamp{i}).ok());
  }
  REQUIRE(store.restore(bytes("key-7"), {}, Timestamp{1}).ok());
  CHECK(!fs::exists(file.path));
  REQUIRE(store.end_restore(20'001, "mark").ok());
  CHECK(store.position() == 20'001);
  REQUIRE(store.flush().ok());
  CHECK(query(file.path, "SELECT count(*), min(value), max(value) FROM counts") == "9999|10000|19999\n");
  CHECK(query(file.path, "PRAGMA integrity_check") == "ok\n");
  CHECK(query(file.path, "SELECT changelog_offset, mark FROM meta") == "20001|mark\n");
}

TEST_CASE("a restore into a file that goes on changes and erases its rows") {
  TempDirectory directory;
  const auto executor = ports::inline_executor();
  const auto file = file_at(directory / "s.sqlite");
  {
    Store<std::string> store;
    REQUIRE(store.open(file, *executor).ok());
    for (const char* key : {"a", "b", "c"}) put<std::string>(store, key, "file");
    commit(store, 3);
    REQUIRE(store.close().ok());
  }
  for (const bool again : {false, true}) {
    CAPTURE(again);
    Store<std::string> store;
    REQUIRE(store.open(file, *executor).ok());
    CHECK(store.position() == (again ? 6 : 3));
    REQUIRE(store.restore(bytes("b"), bytes("log"), Timestamp{1}).ok());
    REQUIRE(store.restore(bytes("c"), {}, Timestamp{2}).ok());
    REQUIRE(store.restore(bytes("d"), bytes("log"), Timestamp{3}).ok());
    REQUIRE(store.end_restore(6).ok());
    CHECK(table_of(store) == Table{{"a", {"file"}}, {"b", {"log", 1}}, {"d", {"log", 3}}});
    if (!again) REQUIRE(store.close().ok());
  }
  CHECK(query(file.path, "SELECT key, value FROM counts WHERE key='d'") == "d|6C6F67\n");  // no integer of eight bytes: its hex digits
  CHECK(query(file.path, "SELECT k, v FROM rows") == "a|file\nb|log\nd|log\n");
}

TEST_CASE("the view shows keys and values of built-in types") {
  const std::string name = "grüße";
  CHECK(viewed<std::string, std::int64_t>(name, -42, "string", "int64") == name + "|-42|5\n");
  CHECK(viewed<std::int64_t, std::string>(INT64_MIN, "x|y", "int64", "string") == "-9223372036854775808|x|y|5\n");
  CHECK(viewed<std::int32_t, std::int16_t>(-7, -2, "int32", "int16") == "-7|-2|5\n");
  CHECK(viewed<std::uint64_t, std::uint32_t>(UINT64_MAX, UINT32_MAX, "uint64", "uint32") == "18446744073709551615|4294967295|5\n");
  CHECK(viewed<std::int8_t, bool>(-1, true, "int8", "bool") == "-1|1|5\n");
  CHECK(viewed<std::int64_t, double>(1, 1.0, "int64", "double") == "1|3FF0000000000000|5\n");
  CHECK(viewed<std::string, std::string>("a", "b", "", "protobuf:x.Y") == "61|62|5\n");
  CHECK(viewed<std::string, std::string>("ab", "b", "int64", "string") == "6162|b|5\n");
  CHECK(viewed<std::string, std::int64_t>("a", 1, "string", "int64", "Rows") == "a|1|5\n");
  CHECK(viewed<std::string, std::int64_t>("a", 1, "string", "int64", "revenue-by.user") == "a|1|5\n");
}

TEST_CASE("a full disk is told with the file's name, loses nothing, and is tried again") {
  TempDirectory directory;
  const auto executor = ports::inline_executor();
  const auto file = file_at(directory / "s.sqlite");
  const auto large = [](int i) { return "key-" + std::to_string(i) + std::string(1000, 'x'); };
  const auto limit = [](rlim_t bytes) {
    rlimit now{};
    ::getrlimit(RLIMIT_FSIZE, &now);
    now.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &now);
  };
  std::signal(SIGXFSZ, SIG_IGN);
  Store<std::int64_t> store;
  REQUIRE(store.open(file, *executor).ok());
  const auto work = [&](int round) {
    for (int i = 0; i < 1000; ++i) put<std::int64_t>(store, large(i), round);
    CHECK(commit(store, round).size() == 1000);
  };
  bool exists = false;
  SUBCASE("at the first checkpoint") {}
  SUBCASE("at a later one") {
    work(1);
    REQUIRE(store.flush().ok());
    exists = true;
  }
  work(2);
  limit(200'000);
  const auto status = store.flush();
  limit(RLIM_INFINITY);
  CHECK(status.code() == Code::resource_exhausted);
  CHECK(status.message().find(file.path) != std::string::npos);
  CHECK(store.status().code() == Code::resource_exhausted);
  CHECK(store.content_status().ok());
  CHECK(store.find(bytes(large(1)))->value == 2);
  put<std::int64_t>(store, "more", 3);
  CHECK(commit(store, 3).count("not ok: " + status.message()) == 1);  // and settled all the same
  CHECK(table_of(store, Contents::committed).count("more") == 1);
  if (exists) CHECK(query(file.path, "SELECT count(*), max(value) FROM counts") == "1000|1\n");
  if (!exists) CHECK(!fs::exists(file.path));
  CHECK(store.flush().ok());
  CHECK(store.status().ok());
  CHECK(query(file.path, "SELECT count(*), min(value), changelog_offset FROM counts, meta") == "1001|2|3\n");
}
