// Kills a process that uses the store, at random moments and between named steps, reopens what it left, and compares with a model made from
// the log alone. The store's file is kept or deleted. The log is an append file; a commit is in it when its frame is whole:
//
//     frame := bytes:u32  records:u32  record*  sum:u64        record := key_size:u32 value_size:u32 (0xffffffff: tombstone) timestamp:i64
//     key value
//
//     state_crash [rounds: 120] [seed: 1]
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <random>

#include "ports/fault.hpp"
#include "shadow.hpp"

using namespace klamm;
using namespace klamm::testing;

namespace {

using Random = std::mt19937_64;

void check(bool ok, const char* what) {
  if (ok) return;
  std::fprintf(stderr, "state_crash: %s\n", what);
  std::_Exit(2);
}
void check(const Status& status, const char* what) {
  if (status.ok()) return;
  std::fprintf(stderr, "state_crash: %s: %s\n", what, status.message().c_str());
  std::_Exit(2);
}

std::uint64_t sum_of(std::string_view frame) {
  std::uint64_t sum = 1469598103934665603ULL;
  for (const char c : frame) sum = (sum ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return sum;
}

template <class T> void put_number(std::string& out, T number) { out.append(reinterpret_cast<const char*>(&number), sizeof number); }
template <class T> T take_number(const char*& at) {
  T number;
  std::memcpy(&number, at, sizeof number);
  at += sizeof number;
  return number;
}

std::string frame_of(const Changelog& records) {
  std::string body;
  for (const auto& [key, value] : records) {
    put_number(body, static_cast<std::uint32_t>(key.size()));
    put_number(body, value.tombstone ? 0xffff'ffffU : static_cast<std::uint32_t>(value.value.size()));
    put_number(body, value.timestamp);
    body += key + value.value;
  }
  std::string frame;
  put_number(frame, static_cast<std::uint32_t>(body.size()));
  put_number(frame, static_cast<std::uint32_t>(records.size()));
  frame += body;
  put_number(frame, sum_of(body));
  return frame;
}

/// The records of all whole frames; `end` is where the last of them ends, in bytes.
Changelog read_log(const std::string& path, std::size_t& end) {
  const std::string log = read_file(path);
  Changelog records;
  for (end = 0;;) {
    if (log.size() - end < 8) return records;
    const char* at = log.data() + end;
    const auto size = take_number<std::uint32_t>(at);
    const auto count = take_number<std::uint32_t>(at);
    if (log.size() - end < 16 + std::size_t{size}) return records;
    const char* behind = at + size;
    if (take_number<std::uint64_t>(behind) != sum_of({at, size})) return records;
    for (std::uint32_t i = 0; i < count; ++i) {
      const auto key_size = take_number<std::uint32_t>(at);
      const auto value_size = take_number<std::uint32_t>(at);
      const auto timestamp = take_number<std::int64_t>(at);
      const bool tombstone = value_size == 0xffff'ffff;
      const std::string key{at, key_size};
      at += key_size;
      records.push_back({key, {tombstone ? "" : std::string{at, value_size}, timestamp, tombstone}});
      at += tombstone ? 0 : value_size;
    }
    end += 16 + std::size_t{size};
  }
}

Table table_of_log(const Changelog& log) {
  Table table;
  for (const auto& [key, value] : log) {
    if (value.tombstone) {
      table.erase(key);
    } else {
      table[key] = value;
    }
  }
  return table;
}

const char* kill_step = nullptr;
std::atomic<int> kill_hit{0};
void kill_at(const char* step) {
  if (kill_step != nullptr && std::strcmp(step, kill_step) == 0 && --kill_hit <= 0) ::kill(::getpid(), SIGKILL);
}

void advance(std::int64_t& value, Random& random) { value += static_cast<std::int64_t>(random() % 100); }
void advance(std::string& value, Random& random) { value = value.substr(value.size() / 3) + std::to_string(random() % 1'000'000); }

/// Works until it is killed.
template <class V> [[noreturn]] void child(const std::string& dir, std::uint64_t seed) {
  ports::fault_point = kill_at;
  Random random{seed};
  const auto executor = ports::background_thread("checkpoint");
  auto file = file_at(dir + "/s.sqlite");
  file.value_schema = "";
  file.dirty_bytes = std::size_t{4096} << random() % 6;
  file.memory_bytes = random() % 2 == 0 ? 0 : std::size_t{64} << 10;  // or a third of the rows
  std::size_t end = 0;
  const Changelog log = read_log(dir + "/log", end);
  Store<V> store;
  check(open_and_replay(store, file, *executor, log), "open");
  Shadow<V> shadow;
  for (const auto& [key, shown] : table_of_log(log)) {
    V value{};
    check(serde<V>::decode(bytes(shown.value), value).ok(), "decode");
    shadow.put(key, value, shown.timestamp);
  }
  shadow.begin_commit(), shadow.settle();

  const int fd = ::open((dir + "/log").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  check(fd >= 0 && ::ftruncate(fd, static_cast<off_t>(end)) == 0 && ::lseek(fd, 0, SEEK_END) >= 0, "open log");
  std::int64_t records = static_cast<std::int64_t>(log.size()), now = records;

  const auto work = [&](std::uint64_t n) {
    for (; n > 0; --n) {
      const std::string key = "key-" + std::to_string(random() % 4000);
      auto& row = store.change(bytes(key));
      const auto expected = shadow.get(key);
      check(row.present() == expected.has_value() && row.value == (expected ? expected->value : V{}), "a row differs");
      row.timestamp = Timestamp{++now};
      if (random() % 8 == 0) {
        store.erase(row);
        shadow.erase(key);
      } else {
        advance(row.value, random);
        row.set_present(true);
        shadow.put(key, row.value, now);
      }
    }
  };
  const auto abort = [&] {
    store.abort();
    shadow.abort();
    ports::reached("crash: aborted");
  };
  for (;;) {
    work(1 + random() % 200);
    if (random() % 5 == 0) {
      abort();
      continue;
    }
    Changelog drained;
    Table table;
    shadow.begin_commit();
    store.begin_commit();
    const auto sink = [&](BytesView key, BytesView value, Timestamp timestamp) {
      const Shown shown{value.data() == nullptr ? "" : text(value), timestamp.milliseconds(), value.data() == nullptr};
      drained.push_back({text(key), shown});
      table[text(key)] = {shown.value, shown.tombstone ? 0 : shown.timestamp, shown.tombstone};
    };
    while (!store.drain(1 + random() % 100, sink)) work(random() % 20);  // the next generation begins
    check(table == shadow.in_flight() && table.size() == drained.size(), "what was drained differs");
    ports::reached("crash: drained");
    work(random() % 50);  // the next generation, while this one is in flight
    if (random() % 10 == 0) {
      abort();
      continue;
    }
    const std::string frame = frame_of(drained);
    const std::size_t half = random() % frame.size();  // a torn write must not count
    check(::write(fd, frame.data(), half) == static_cast<ssize_t>(half), "write log");
    ports::reached("crash: half of the log");
    check(::write(fd, frame.data() + half, frame.size() - half) == static_cast<ssize_t>(frame.size() - half), "write log");
    records += static_cast<std::int64_t>(drained.size());
    ports::reached("crash: in the log");
    check(store.settle(records), "settle");
    shadow.settle();
    ports::reached("crash: settled");
    if (random() % 50 == 0) check(store.flush(), "flush");
  }
}

/// Whether the store, opened and replayed, holds what the log says: in memory, and in its file after a checkpoint.
template <class V> bool agrees(const std::string& dir, std::size_t& replayed) {
  const auto executor = ports::inline_executor();
  std::size_t end = 0;
  const Changelog log = read_log(dir + "/log", end);
  const Table expected = table_of_log(log);
  auto file = file_at(dir + "/s.sqlite");
  file.value_schema = "";
  for (const bool again : {false, true}) {
    Store<V> store;
    check(open_and_replay(store, file, *executor, log), "reopen");
    if (!again) replayed += log.size();
    if (table_of(store) != expected) return false;
    if (again && store.size() != 0) return false;  // all of it was in the file
    check(store.close(), "close");
  }
  return true;
}

constexpr const char* steps[] = {"state: checkpoint: before sort",
                                 "state: checkpoint: half of the rows",
                                 "state: checkpoint: before the position",
                                 "state: checkpoint: before COMMIT",
                                 "state: checkpoint: after COMMIT",
                                 "state: build: before COMMIT",
                                 "state: build: before fsync",
                                 "state: build: before rename",
                                 "state: build: after rename",
                                 "state: abort: half",
                                 "crash: aborted",
                                 "crash: drained",
                                 "crash: half of the log",
                                 "crash: in the log",
                                 "crash: settled"};

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 120;
  Random random{argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1};
  auto directory = std::make_unique<TempDirectory>();
  int wrong = 0, deleted = 0;
  std::size_t replayed = 0, reached[std::size(steps)] = {};
  for (int round = 0; round < rounds; ++round) {
    if (round % 15 == 0) directory = std::make_unique<TempDirectory>();
    const bool strings = round / 15 % 2 == 1;
    const std::string dir = *directory / "";
    const auto step = static_cast<std::size_t>(round / 2) % std::size(steps);
    const bool at_step = round % 2 == 1, building = at_step && std::strncmp(steps[step], "state: build", 12) == 0;
    if (building || random() % 5 == 0) {
      ++deleted;
      for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(dir + "s.sqlite" + suffix);
    }
    const std::uint64_t seed = random();
    const int hit = building ? 1 : static_cast<int>(1 + random() % 6);
    const auto pause = static_cast<useconds_t>(at_step ? 2'000'000 : 1000 + random() % 40'000);
    const pid_t pid = ::fork();
    if (pid == 0) {
      if (at_step) kill_step = steps[step], kill_hit = hit;
      if (strings) child<std::string>(dir, seed);
      child<std::int64_t>(dir, seed);
    }
    int status = 0;
    bool ended = false;
    for (useconds_t waited = 0; !ended && waited < pause; waited += 500) {
      ::usleep(500);
      ended = ::waitpid(pid, &status, WNOHANG) == pid;
    }
    if (ended) {
      ++reached[step];
    } else {
      ::kill(pid, SIGKILL);
      ::waitpid(pid, &status, 0);
    }
    check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "the child ended by itself");
    if (!(strings ? agrees<std::string>(dir, replayed) : agrees<std::int64_t>(dir, replayed))) {
      ++wrong;
      std::printf("round %d (%s): the store differs from its log\n", round, at_step ? steps[step] : "at random");
    }
  }
  std::size_t at_steps = 0;
  for (std::size_t i = 0; i < std::size(steps); ++i) {
    at_steps += reached[i];
    if (rounds >= 2 * static_cast<int>(std::size(steps)) && reached[i] == 0) ++wrong, std::printf("never reached: %s\n", steps[i]);
  }
  std::printf("%d kills (%zu at named steps), %d with the file deleted, %zu log records read, %d wrong\n", rounds, at_steps, deleted,
              replayed, wrong);
  return wrong == 0 ? 0 : 1;
}
