#include <chrono>
#include <cstdio>
#include <ctime>
#include <string>
#include <string_view>
#include <thread>

#include "log/embedded.hpp"
#include "log/open_transaction.hpp"

// How fast records go into and out of the log: `log_speed DIRECTORY`, which must be new. Prints one line per figure.

namespace klamm::log {
namespace {

void begin_commit(Producer& producer, std::vector<OffsetCommit> offsets, std::vector<FeedPosition> positions) {
  producer.prepare();
  static_cast<void>(producer.prepared());
  producer.commit("group", std::move(offsets), std::move(positions));
}

BytesView bytes(std::string_view text) { return std::as_bytes(std::span{text.data(), text.size()}); }

Status outcome(Producer& producer) {
  for (;;) {
    if (auto ended = producer.poll()) return ended->status;
    std::this_thread::yield();
  }
}

// Wall time and the CPU time of all threads.
struct Start {
  std::chrono::steady_clock::time_point wall = std::chrono::steady_clock::now();
  std::clock_t cpu = std::clock();
};

void report(const char* what, double records, const Start& start) {
  const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - start.wall).count();
  const double cpu = static_cast<double>(std::clock() - start.cpu) / CLOCKS_PER_SEC;
  std::printf("%-40s %9.0f records/s %10.1f ns/record %10.1f CPU-ns/record\n", what, records / wall, wall * 1e9 / records,
              cpu * 1e9 / records);
}

constexpr int count = 5'000'000;
const std::string key = "0123456789", value = "01234567890123456789";

void append() {
  OpenTransaction open{OpenTransaction::Checksums::no};
  std::vector<std::shared_ptr<PartitionLog>> partitions;
  for (Partition p = 0; p < 4; ++p)
    partitions.push_back(std::make_shared<PartitionLog>(TopicPartition{"t", p}, Cleanup::keep, 0, Bounds{}));
  open.add(partitions);
  for (int round = 0; round < 2; ++round) {
    const Start start;
    for (int i = 0; i < count; ++i) {
      open.append(0, i & 3, bytes(key), bytes(value), Timestamp{i}, {});
      if (i % 10'000 == 9'999) (void)open.take();
    }
    if (round == 1) report("append, 30 bytes, 4 partitions in turn", count, start);
  }
}

void through(Log& log, const char* writing, const char* reading) {
  const TopicState topic{"t", 4, Cleanup::keep};
  if (!log.create({&topic, 1}).ok()) return;
  auto producer = *log.producer("p", klamm::Guarantee::exactly_once, nullptr);
  const auto number = *producer->topic("t");
  Start start;
  bool in_flight = false;
  for (int i = 0; i < count; ++i) {
    producer->append(number, i & 3, bytes(key), bytes(value), Timestamp{i}, {});
    if (i % 100'000 == 99'999) {
      if (in_flight && !outcome(*producer).ok()) return;
      begin_commit(*producer, {}, {});
      in_flight = true;
    }
  }
  if (!outcome(*producer).ok()) return;
  report(writing, count, start);
  start = Start{};
  std::size_t total = 0, size = 0;
  for (Partition p = 0; p < 4; ++p) {
    auto reader = *log.reader({"t", p}, 0, nullptr);
    for (std::size_t n = 1; n != 0; total += n) {
      auto polled = reader->poll(1'000, [&](std::span<const RawMessage> messages) {
        for (const auto& message : messages) size += message.value.size();
        return messages.size();
      });
      n = polled.ok() ? *polled : 0;
    }
  }
  if (total == count && size == count * value.size()) report(reading, count, start);
}

void inlet(Log& log, const char* what) {
  const TopicState topic{"inlet", 4, Cleanup::keep};
  if (!log.create({&topic, 1}).ok()) return;
  auto inlet = *log.inlet("inlet", "f");
  const Start start;
  for (int i = 0; i < count; ++i) (void)inlet->send(i & 3, bytes(key), bytes(value), Timestamp{i}, {}, i);
  if (inlet->flush().ok()) report(what, count, start);
}

void small_commits(Log& log) {
  const TopicState topic{"small", 4, Cleanup::keep};
  if (!log.create({&topic, 1}).ok()) return;
  auto producer = *log.producer("p", klamm::Guarantee::exactly_once, nullptr);
  const auto number = *producer->topic("small");
  constexpr int commits = 1'000;
  const Start start;
  for (int i = 0; i < commits; ++i) {
    for (Partition p = 0; p < 4; ++p) producer->append(number, p, bytes(key), bytes(value), Timestamp{i}, {});
    begin_commit(*producer, {{{"in", 0}, {i, "mark"}}}, {});
    if (!outcome(*producer).ok()) return;
  }
  report("durable commits, one after the other", commits, start);
}

int run(const char* directory) {
  append();
  {
    auto log = memory_log();
    through(*log, "memory: write", "memory: read");
    inlet(*log, "memory: inlet");
  }
  auto log = open_embedded({.directory = directory, .application_id = "log_speed"});
  if (!log.ok()) {
    std::fprintf(stderr, "log_speed: %s\n", log.status().message().c_str());
    return log.status().exit_code();
  }
  through(**log, "directory: write, 100k per commit", "directory: read");
  inlet(**log, "directory: inlet, with positions");
  small_commits(**log);
  return 0;
}

}  // namespace
}  // namespace klamm::log

int main(int argc, char** argv) {
  if (argc == 2) return klamm::log::run(argv[1]);
  std::fprintf(stderr, "usage: log_speed DIRECTORY\n");
  return 2;
}
