#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <map>

#include "log/log_file.hpp"
#include "support.hpp"

// What only the log in a directory promises: that it survives, and what it says when it can't.

namespace klamm::log {
namespace {

using test::bytes, test::commit, test::Lines, test::read_all, test::TemporaryDirectory;

Status fails(EmbeddedOptions options) {
  auto log = open_embedded(std::move(options));
  REQUIRE_FALSE(log.ok());
  return log.status();
}
bool says(const Status& status, std::string_view part) {
  INFO(status.message());
  const bool found = status.message().find(part) != std::string::npos;
  CHECK_MESSAGE(found, "expected: ", std::string{part});
  return found;
}

void create(Log& log, const TopicState& topic) { REQUIRE(log.create({&topic, 1}).ok()); }

void execute(const std::string& directory, const std::string& sql) {
  Database db;
  REQUIRE(db.open(directory + "/" + LogFile::name, Database::Access::write).ok());
  const Status status = db.run(sql.c_str());
  REQUIRE_MESSAGE(status.ok(), status.message());
}

std::uintmax_t file_size(const std::string& directory) {
  std::error_code missing;
  const auto wal = std::filesystem::file_size(directory + "/log.sqlite-wal", missing);
  return std::filesystem::file_size(directory + "/log.sqlite") + (missing ? 0 : wal);
}

TEST_CASE("all is there when a directory is opened again") {
  const TemporaryDirectory directory;
  {
    auto log = test::open({.directory = directory.path() + "/made/on/demand", .new_directory_partitions = 4});
    CHECK(log->where() == directory.path() + "/made/on/demand");
    CHECK(log->default_partitions() == 4);
    create(*log, {"t", 2, Cleanup::compact});
    auto producer = *log->producer("p", klamm::Guarantee::exactly_once, nullptr);
    const auto topic = *producer->topic("t");
    for (int i = 0; i < 3; ++i) {
      producer->append(topic, 1, bytes("k"), bytes(std::to_string(i)), Timestamp{i}, {});
      REQUIRE(commit(*producer, {{{"in", 0}, {i, "mark"}}}, {{"feeder", i}}).ok());
    }
    REQUIRE(log->purge({"t", 1}, 1).ok());
    // Written when the log closes, though nobody flushes.
    CHECK((*log->inlet("t", ""))->send(0, {}, bytes("last"), {}, {}, {}).ok());
  }
  auto log = test::open({.directory = directory.path() + "/made/on/demand"});
  CHECK(log->default_partitions() == 4);
  CHECK((*log->topic("t"))->cleanup == Cleanup::compact);
  CHECK(read_all(*log, {"t", 0}) == Lines{"0 null=last"});
  CHECK(read_all(*log, {"t", 1}) == Lines{"1 k=1", "2 k=2"});
  const TopicPartition in{"in", 0};
  CHECK((*log->committed("group", {&in, 1}))[0]->offset == 2);
  CHECK(*log->feed_position("feeder") == 2);
}

TEST_CASE("offsets are not used again when all records are gone") {
  const TemporaryDirectory directory;
  {
    auto log = test::open({.directory = directory.path()});
    create(*log, {"t", 1, Cleanup::keep});
    auto inlet = *log->inlet("t", "");
    for (int i = 0; i < 5; ++i) CHECK(inlet->send(0, {}, bytes("x"), {}, {}, {}).ok());
    REQUIRE(inlet->flush().ok());
    REQUIRE(log->purge({"t", 0}, 5).ok());
  }
  auto log = test::open({.directory = directory.path()});
  CHECK((*log->bounds({"t", 0})).begin == 5);
  auto inlet = *log->inlet("t", "");
  CHECK(inlet->send(0, {}, bytes("y"), {}, {}, {}).ok());
  REQUIRE(inlet->flush().ok());
  CHECK(read_all(*log, {"t", 0}) == Lines{"5 null=y"});
}

TEST_CASE("a directory in use is refused, and its holder is named") {
  const TemporaryDirectory directory;
  {
    auto log = test::open({.directory = directory.path()});
    const Status status = fails({.directory = directory.path(), .application_id = "app"});
    CHECK(status.code() == Code::unavailable);
    std::array<char, 256> host{};
    REQUIRE(::gethostname(host.data(), host.size() - 1) == 0);
    says(status, "directory \"" + directory.path() + "\": is in use by ");
    says(status, " (process " + std::to_string(::getpid()) + " on " + host.data() + ", since 20");
  }
  CHECK(open_embedded({.directory = directory.path(), .application_id = "app"}).ok());
}

TEST_CASE("what a dead process left in the lock file is no obstacle") {
  const TemporaryDirectory directory;
  std::ofstream{directory.path() + "/lock"} << "ghost (process 1 on nowhere, since 1970)";
  CHECK(open_embedded({.directory = directory.path(), .application_id = "app"}).ok());
}

TEST_CASE("a directory of another application or partition count is refused with both names") {
  const TemporaryDirectory directory;
  test::open({.directory = directory.path(), .application_id = "shop", .default_partitions = 4}).reset();
  const Status application = fails({.directory = directory.path(), .application_id = "bank"});
  CHECK(application.code() == Code::failed_precondition);
  says(application, R"(belongs to application "shop", not to "bank")");
  const Status partitions = fails({.directory = directory.path(), .application_id = "shop", .default_partitions = 8});
  CHECK(partitions.code() == Code::failed_precondition);
  says(partitions, "was made with 4 partitions, not 8");
  CHECK(open_embedded({.directory = directory.path(), .application_id = "shop", .default_partitions = 4}).ok());
  CHECK(fails({.directory = directory.path() + "/x", .application_id = "a", .default_partitions = 0}).code() == Code::invalid_argument);
}

TEST_CASE("a newer format and other programs' databases are refused and left alone") {
  const TemporaryDirectory directory;
  test::open({.directory = directory.path()}).reset();
  execute(directory.path(), "PRAGMA user_version=7");
  const Status newer = fails({.directory = directory.path(), .application_id = "app"});
  CHECK(newer.code() == Code::failed_precondition);
  says(newer, "has format 7, written by a newer klamm (this one knows formats up to 1)");

  const TemporaryDirectory other;
  execute(other.path(), "CREATE TABLE theirs(x)");
  const Status foreign = fails({.directory = other.path(), .application_id = "app"});
  CHECK(foreign.code() == Code::failed_precondition);
  says(foreign, "is a database of another program");

  const TemporaryDirectory garbage;
  std::ofstream{garbage.path() + "/log.sqlite"} << std::string(10'000, 'x');
  CHECK(fails({.directory = garbage.path(), .application_id = "app"}).code() == Code::data_loss);
}

TEST_CASE("a directory that can't be made or written is an error that names it") {
  const TemporaryDirectory directory;
  std::ofstream{directory.path() + "/file"} << "x";
  const Status file = fails({.directory = directory.path() + "/file/log", .application_id = "app"});
  CHECK(file.code() == Code::failed_precondition);
  says(file, directory.path() + "/file/log");
  CHECK(fails({.directory = "", .application_id = "app"}).code() == Code::invalid_argument);

  // In a child that is nobody, since root may write everywhere.
  const std::string closed = directory.path() + "/closed";
  std::filesystem::create_directory(closed);
  std::filesystem::permissions(directory.path(), std::filesystem::perms{0755});
  std::filesystem::permissions(closed, std::filesystem::perms{0555});
  const pid_t child = ::fork();
  if (child == 0) {
    if (::getuid() == 0 && ::setuid(65534) != 0) ::_exit(3);
    auto log = open_embedded({.directory = closed, .application_id = "app"});
    const bool named = !log.ok() && log.status().code() == Code::failed_precondition &&
                       log.status().message().find(closed + "\": can't be written") != std::string::npos;
    ::_exit(named ? 0 : 1);
  }
  int ended = -1;
  REQUIRE(::waitpid(child, &ended, 0) == child);
  CHECK(ended == 0);
}

TEST_CASE("a damaged batch is data loss with topic, partition and offset") {
  const TemporaryDirectory directory;
  {
    auto log = test::open({.directory = directory.path()});
    create(*log, {"t", 1, Cleanup::keep});
    auto inlet = *log->inlet("t", "");
    for (int i = 0; i < 3; ++i) {
      CHECK(inlet->send(0, bytes("key"), bytes("value"), {}, {}, {}).ok());
      REQUIRE(inlet->flush().ok());
    }
  }
  execute(directory.path(), "UPDATE records_1 SET batch = substr(batch, 1, 40) || x'00' || substr(batch, 42) WHERE base_offset = 2");
  auto log = test::open({.directory = directory.path()});
  auto reader = *log->reader({"t", 0}, 0, nullptr);
  const auto take = [](std::span<const RawMessage> messages) { return messages.size(); };
  CHECK(reader->poll(10, take) == 2U);
  const auto damaged = reader->poll(10, take);
  CHECK(damaged.status().code() == Code::data_loss);
  says(damaged.status(), "partition t-0: offset 2: the batch's checksum is wrong");
}

TEST_CASE("a full disk ends the log, loses nothing, and opening again works") {
  const TemporaryDirectory directory;
  int confirmed = 0;
  {
    auto log = test::open({.directory = directory.path(), .max_file_bytes = 512 * 1024});
    create(*log, {"t", 1, Cleanup::keep});
    auto producer = *log->producer("p", klamm::Guarantee::exactly_once, nullptr);
    const auto topic = *producer->topic("t");
    const std::string value(10'000, 'x');
    Status status;
    for (int i = 0; i < 1'000 && status.ok(); ++i) {
      producer->append(topic, 0, bytes(std::to_string(i)), bytes(value), {}, {});
      status = commit(*producer, {{{"in", 0}, {i, ""}}});
      if (status.ok()) ++confirmed;
    }
    CHECK(confirmed > 10);
    CHECK(status.code() == Code::resource_exhausted);
    says(status, "directory \"" + directory.path() + "\": the disk is full");
    CHECK(commit(*producer).code() == Code::resource_exhausted);
    auto inlet = *log->inlet("t", "");
    (void)inlet->send(0, {}, bytes(value), {}, {}, {});
    CHECK(inlet->flush().code() == Code::resource_exhausted);
    CHECK(inlet->try_send(0, {}, {}, {}, {}).status().code() == Code::resource_exhausted);
    CHECK(static_cast<int>(read_all(*log, {"t", 0}).size()) == confirmed);
  }
  auto log = test::open({.directory = directory.path()});
  CHECK(static_cast<int>(read_all(*log, {"t", 0}).size()) == confirmed);
  const TopicPartition in{"in", 0};
  CHECK((*log->committed("group", {&in, 1}))[0]->offset == confirmed - 1);
  auto inlet = *log->inlet("t", "");
  CHECK(inlet->send(0, bytes("room"), bytes("again"), {}, {}, {}).ok());
  CHECK(inlet->flush().ok());
}

TEST_CASE("under steady writing and purging the file does not grow") {
  const TemporaryDirectory directory;
  auto log = test::open({.directory = directory.path(), .cache_bytes = 0});
  create(*log, {"t", 2, Cleanup::keep});
  auto producer = *log->producer("p", klamm::Guarantee::exactly_once, nullptr);
  const auto topic = *producer->topic("t");
  const std::string value(1'000, 'x');
  std::uintmax_t early = 0;
  for (int i = 0; i < 400; ++i) {
    for (int n = 0; n < 200; ++n) producer->append(topic, n % 2, {}, bytes(value), {}, {});
    REQUIRE(commit(*producer).ok());
    for (Partition p = 0; p < 2; ++p) REQUIRE(log->purge({"t", p}, (*log->bounds({"t", p})).end).ok());
    if (i == 150) early = file_size(directory.path());
  }
  CHECK(file_size(directory.path()) < early + early / 2);
  CHECK(file_size(directory.path()) < 60U << 20);  // of 80 MB written, most of it the write-ahead log
  log = nullptr;
  CHECK(file_size(directory.path()) < 20U << 20);
}

TEST_CASE("a compacted topic keeps few records, its last values survive, and its file is used again") {
  const TemporaryDirectory directory;
  constexpr int keys = 500, rounds = 100;
  const auto open = [&] {
    // Fewer keys fit into a pass than there are, so that passes end early and go on later.
    return test::open({.directory = directory.path(), .cache_bytes = 100'000, .compact_at_least = 2'000, .compact_keys = 300});
  };
  std::uintmax_t sizes[3]{};
  for (auto& size : sizes) {
    auto log = open();
    create(*log, {"t", 1, Cleanup::compact});
    auto producer = *log->producer("p", klamm::Guarantee::exactly_once, nullptr);
    const auto topic = *producer->topic("t");
    for (int round = 0; round < rounds; ++round) {
      for (int k = 0; k < keys; ++k) {
        const std::string value = std::to_string(round) + std::string(200, 'x');
        producer->append(topic, 0, bytes("key" + std::to_string(k)), bytes(value), {}, {});
      }
      REQUIRE(commit(*producer).ok());
    }
    CHECK(test::eventually([&] { return read_all(*log, {"t", 0}).size() <= 4 * keys; }));
    log = nullptr;
    size = file_size(directory.path());
  }
  CHECK(sizes[2] < sizes[0] + sizes[0] / 2);
  auto log = open();
  std::map<std::string, std::string> last;
  auto reader = *log->reader({"t", 0}, 0, nullptr);
  for (;;) {
    auto polled = reader->poll(100, [&](std::span<const RawMessage> messages) {
      for (const auto& message : messages) last[test::text(message.key)] = test::text(message.value).substr(0, 2);
      return messages.size();
    });
    REQUIRE(polled.ok());
    if (*polled == 0) break;
  }
  CHECK(reader->position() == 3 * keys * rounds);
  CHECK(last.size() == keys);
  for (const auto& [key, value] : last) CHECK(value == std::to_string(rounds - 1));
}

TEST_CASE("one feeder name has one inlet") {
  const TemporaryDirectory directory;
  auto log = test::open({.directory = directory.path()});
  create(*log, {"t", 1, Cleanup::keep});
  auto inlet = log->inlet("t", "f");
  REQUIRE(inlet.ok());
  CHECK(log->inlet("t", "f").status().code() == Code::failed_precondition);
  *inlet = nullptr;
  CHECK(log->inlet("t", "f").ok());
}

}  // namespace
}  // namespace klamm::log
