#include <doctest/doctest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "ports/fault.hpp"
#include "support.hpp"

using namespace klamm;
using namespace klamm::testing;
namespace fs = std::filesystem;

namespace {

struct Outcome {
  Opened::How how = Opened::How::fresh;
  std::string reason;
  Code code = Code::ok;
  std::int64_t position = -1;
};

struct Fixture {
  TempDirectory directory;
  std::unique_ptr<ports::Executor> executor = ports::inline_executor();
  StoreFile file = file_at(directory / "3.sqlite");

  /// Writes a file with `rows` rows as of changelog offset 100, or the log's end.
  void write(int rows = 3) {
    Store<std::int64_t> store;
    REQUIRE(store.open(file, *executor).ok());
    for (int i = 0; i < rows; ++i) put<std::int64_t>(store, "key-" + std::to_string(i), i);
    commit(store, std::min<std::int64_t>(100, file.changelog_end));
    const Status closed = store.close();
    REQUIRE_MESSAGE(closed.ok(), closed.message());
  }
  Outcome open() {
    Store<std::int64_t> store;
    auto opened = store.open(file, *executor);
    Outcome outcome;
    outcome.code = opened.status().code();
    outcome.reason = opened.ok() ? opened->reason : opened.status().message();
    outcome.how = opened.ok() ? opened->how : Opened::How::fresh;
    outcome.position = store.position();
    return outcome;
  }
  /// Opens and expects the store to begin from zero, with this in the reason; and that it works.
  void check_rebuilt(const std::string& why) {
    const Outcome outcome = open();
    CHECK(outcome.code == Code::ok);
    CHECK(outcome.how == Opened::How::rebuilt);
    CHECK_MESSAGE(outcome.reason.find(why) != std::string::npos, outcome.reason);
    CHECK(outcome.reason.find(file.path) != std::string::npos);
    CHECK(outcome.position == file.changelog_begin);
    CHECK(!fs::exists(file.path));
    write(2);
    CHECK(open().how == Opened::How::resumed);
  }
  void run(const std::string& sql) const {
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open(file.path.c_str(), &db) == SQLITE_OK);
    CHECK(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(db);
  }
};

}  // namespace

TEST_CASE("a whole file of the store goes on where it was") {
  Fixture f;
  CHECK(f.open().how == Opened::How::fresh);
  CHECK(!fs::exists(f.file.path));
  f.write();
  const Outcome outcome = f.open();
  CHECK(outcome.how == Opened::How::resumed);
  CHECK(outcome.position == 100);
}

TEST_CASE("a file that does not fit its changelog is rebuilt") {
  Fixture f;
  f.write();
  SUBCASE("another lineage") {
    f.file.lineage = "lineage-2";
    f.check_rebuilt("lineage lineage-1, the changelog has lineage-2");
  }
  SUBCASE("ahead of the log") {
    f.file.changelog_end = 99;
    f.check_rebuilt("ahead of its end 99");
    f.file.changelog_end = 100;  // at its end is fine
    CHECK(f.open().how == Opened::How::resumed);
  }
  SUBCASE("before the log") {
    f.file.changelog_begin = 101;
    const Outcome outcome = f.open();
    CHECK(outcome.how == Opened::How::rebuilt);
    CHECK(outcome.reason.find("before its begin 101") != std::string::npos);
    CHECK(outcome.position == 101);
  }
}

TEST_CASE("a damaged file is rebuilt") {
  Fixture f;
  f.write(2000);
  const std::string whole = read_file(f.file.path);
  REQUIRE(whole.size() > 4 * 8192);
  SUBCASE("empty") {
    write_file(f.file.path, "");
    f.check_rebuilt("damaged");
  }
  SUBCASE("garbage at its begin") {
    write_file(f.file.path, "garbage" + whole.substr(7));
    f.check_rebuilt("damaged");
  }
  SUBCASE("cut in the middle of a page") {
    write_file(f.file.path, whole.substr(0, whole.size() / 2 + 100));
    f.check_rebuilt("damaged");
  }
  SUBCASE("a page of zeros") {
    write_file(f.file.path, std::string{whole}.replace(whole.size() - 8192, 8192, 8192, '\0'));
    f.check_rebuilt("damaged");
  }
  SUBCASE("no position inside") {
    f.run("DELETE FROM meta");
    f.check_rebuilt("damaged");
  }
  SUBCASE("a table missing") {
    f.run("DROP TABLE rows");
    f.check_rebuilt("damaged");
  }
}

TEST_CASE("flipped bytes rebuild the store or leave it readable, and never crash it") {
  Fixture f;
  f.write(2000);
  const std::string whole = read_file(f.file.path);
  int rebuilt = 0;
  for (std::size_t i = 0; i < 60; ++i) {
    std::string damaged = whole;
    // page headers and cell pointers first: that is where structure is
    const std::size_t page = i % (whole.size() / 8192), at = page * 8192 + (i * 37) % (i % 2 == 0 ? 64 : 8192);
    for (std::size_t j = at; j < std::min(at + 4, whole.size()); ++j) damaged[j] = static_cast<char>(damaged[j] ^ 0x5a);
    write_file(f.file.path, damaged);
    Store<std::int64_t> store;
    auto opened = store.open(f.file, *f.executor);
    REQUIRE_MESSAGE(opened.ok(), opened.status().message());
    rebuilt += opened->how == Opened::How::rebuilt ? 1 : 0;
    for (int key = 0; key < 2000; key += 13) (void)store.find(bytes("key-" + std::to_string(key)));
    if (!store.status().ok()) CHECK(store.status().code() == Code::data_loss);
    std::size_t rows = 0;
    const auto scanned = store.for_each(Contents::current, [&](BytesView, BytesView, Timestamp) { ++rows; });
    if (!scanned.ok()) CHECK(scanned.code() == Code::data_loss);
    if (opened->how == Opened::How::rebuilt) CHECK(rows == 0);
    (void)store.close();
    fs::remove(f.file.path + ".foreign");
  }
  CHECK(rebuilt > 20);
}

TEST_CASE("a file of an older format is rebuilt, one of a newer format is left to the newer klamm") {
  Fixture f;
  f.write();
  SUBCASE("older") {
    f.run("PRAGMA user_version=0");
    f.check_rebuilt("has format 0");
  }
  SUBCASE("newer") {
    f.run("PRAGMA user_version=7");
    Store<std::int64_t> store;
    const auto opened = store.open(f.file, *f.executor);
    CHECK(opened.status().code() == Code::failed_precondition);
    CHECK(opened.status().message().find("has format 7, written by a newer klamm (this one knows formats up to 1)") != std::string::npos);
    f.run("PRAGMA user_version=1");
    CHECK(f.open().how == Opened::How::resumed);
  }
}

TEST_CASE("a foreign file is set aside, not deleted") {
  Fixture f;
  f.write();
  SUBCASE("of another program") {
    f.run("PRAGMA application_id=1");
    f.check_rebuilt("database of another program");
  }
  SUBCASE("of another application") {
    f.file.application = "bank";
    f.check_rebuilt("application \"shop\", not \"bank\"");
  }
  SUBCASE("of another store") {
    f.file.store = "sums";
    f.check_rebuilt("store \"counts\", not \"sums\"");
  }
  SUBCASE("of another partition") {
    f.file.partition = 4;
    f.check_rebuilt("partition \"3\", not \"4\"");
  }
  CHECK(fs::file_size(f.file.path + ".foreign") > 0);
}

TEST_CASE("a file of other types is refused and left alone") {
  Fixture f;
  f.write();
  SUBCASE("values") {
    f.file.value_schema = "string";
    CHECK(f.open().reason == "store \"counts\": file " + f.file.path +
                                 " was written with values of type \"int64\", now they are \"string\": give their "
                                 "klamm::serde an upgrade(old_schema, bytes, slot), give the store a new name, "
                                 "go back to the old type, or reset the application");
  }
  SUBCASE("keys") {
    f.file.key_schema = "int64";
    CHECK(f.open().reason.find("keys of type \"string\", now they are \"int64\"") != std::string::npos);
  }
  CHECK(f.open().code == Code::failed_precondition);
  f.file.key_schema = "string", f.file.value_schema = "int64";
  CHECK(f.open().how == Opened::How::resumed);
}

TEST_CASE("types that a file does not know yet are written into it") {
  Fixture f;
  f.file.value_schema = "";
  f.write();
  f.file.value_schema = "int64";
  CHECK(f.open().how == Opened::How::resumed);
  f.file.value_schema = "";
  CHECK(f.open().how == Opened::How::resumed);
  f.file.value_schema = "string";
  CHECK(f.open().code == Code::failed_precondition);
}

TEST_CASE("what can't be read or written is an error, and stays") {
  Fixture f;
  SUBCASE("a directory at the path") {
    fs::create_directories(f.file.path + "/inside");
    CHECK(f.open().code == Code::failed_precondition);
    CHECK(fs::exists(f.file.path + "/inside"));
  }
  SUBCASE("a file where a directory must be") {
    write_file(f.directory / "file", "x");
    f.file.path = f.directory / "file/3.sqlite";
    CHECK(f.open().code == Code::failed_precondition);
  }
  if (::geteuid() == 0) return;  // root may write everywhere
  SUBCASE("a directory without leave") {
    ::chmod((f.directory / "").c_str(), 0500);
    CHECK(f.open().code == Code::failed_precondition);
    ::chmod((f.directory / "").c_str(), 0700);
  }
}

namespace {

/// A text that was a count once.
struct Text {
  std::string text;
};
std::string killed_at;

}  // namespace

template <> struct klamm::serde<Text> {
  static void encode(const Text& value, Bytes& out) { serde<std::string>::encode(value.text, out); }
  static Decoded decode(BytesView in, Text& slot) { return serde<std::string>::decode(in, slot.text); }
  static Decoded upgrade(std::string_view old_schema, BytesView in, Text& slot) {
    std::int64_t count = 0;
    if (old_schema != "int64") return malformed("of another type");
    const Decoded decoded = serde<std::int64_t>::decode(in, count);
    slot.text = "was " + std::to_string(count);
    return count == 13 ? malformed("thirteen") : decoded;
  }
};

TEST_CASE("values of an older type are upgraded all or none, whenever the process dies") {
  for (const char* const step : {"state: upgrade: some rows", "state: upgrade: before the type", "state: upgrade: after COMMIT"}) {
    CAPTURE(step);
    Fixture f;
    f.write(10);
    f.file.value_schema = "text";
    const pid_t child = ::fork();
    if (child == 0) {
      killed_at = step;
      klamm::ports::fault_point = [](const char* reached) {
        if (killed_at == reached) ::_exit(7);
      };
      Store<Text> store;
      (void)store.open(f.file, *f.executor);
      ::_exit(0);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WEXITSTATUS(status) == 7);
    Store<Text> store;
    const auto opened = store.open(f.file, *f.executor);
    REQUIRE_MESSAGE(opened.ok(), opened.status().message());
    CHECK(opened->how == Opened::How::resumed);
    CHECK(store.position() == 100);
    for (int i = 0; i < 10; ++i) {
      const auto* row = store.find(bytes("key-" + std::to_string(i)));
      REQUIRE(row != nullptr);
      CHECK(row->value.text == "was " + std::to_string(i));
    }
  }
}

TEST_CASE("a row that can't be upgraded leaves the file as it was, and is named") {
  Fixture f;
  f.write(20);
  f.file.value_schema = "text";
  {
    Store<Text> store;
    const klamm::Status refused = store.open(f.file, *f.executor).status();
    CHECK(refused.message().find("can't upgrade the value of type \"int64\"") != std::string::npos);
    CHECK(refused.message().find("key-13") != std::string::npos);
  }
  f.file.value_schema = "int64";
  CHECK(f.open().how == Opened::How::resumed);
}
