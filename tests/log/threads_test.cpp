#include <atomic>
#include <map>

#include "support.hpp"

// Many threads on one log: run under the thread sanitizer.

namespace klamm::log {
namespace {

using test::bytes;

TEST_CASE("threads: producers, inlets, readers, compaction and purge at once lose and reorder nothing") {
  constexpr int writers = 3, commits = 60, per_commit = 40;
  const test::TemporaryDirectory directory;
  std::unique_ptr<Log> log;
  SUBCASE("in memory") { log = memory_log({.compact_at_least = 100}); }
  SUBCASE("in a directory") {
    log = test::open({.directory = directory.path(), .cache_bytes = 20'000, .inlet_bytes = 4'000, .compact_at_least = 100});
  }
  const TopicState topics[] = {{"in", 1, Cleanup::keep}, {"out", 2, Cleanup::keep}, {"table", 1, Cleanup::compact}};
  REQUIRE(log->create(topics).ok());
  std::atomic<bool> good = true;
  std::atomic<int> sent = 0;
  std::vector<std::thread> threads;
  for (int w = 0; w < writers; ++w) {
    threads.emplace_back([&, w] {
      auto producer = *log->producer("w" + std::to_string(w), klamm::Guarantee::exactly_once, nullptr);
      const auto out = *producer->topic("out"), table = *producer->topic("table");
      int n = 0;
      for (int c = 0; c < commits; ++c) {
        for (int i = 0; i < per_commit; ++i, ++n) {
          producer->append(out, w % 2, bytes(std::to_string(w)), bytes(std::to_string(n)), {}, {});
          producer->append(table, 0, bytes(std::to_string(w) + "/" + std::to_string(n % 7)), bytes(std::to_string(n)), {}, {});
        }
        if (!test::commit(*producer, {{{"in", 0}, {c, ""}}}).ok()) good = false;
      }
    });
  }
  auto inlet = *log->inlet("in", "feeder");
  for (int s = 0; s < 2; ++s) {
    threads.emplace_back([&] {
      const std::string value(100, 'x');
      for (int i = 0; i < 1'000; ++i) {
        if (!inlet->send(0, {}, bytes(value), {}, {}, i).ok()) good = false;
        ++sent;
      }
      if (!inlet->flush().ok()) good = false;
    });
  }
  for (Partition p = 0; p < 2; ++p) {
    threads.emplace_back([&, p] {
      std::atomic<bool> woken = true;
      auto reader = *log->reader({"out", p}, 0, [&] { woken = true; });
      const int expected = (p == 0 ? 2 : 1) * commits * per_commit;
      std::map<std::string, int> next;
      int got = 0;
      while (got < expected && good) {
        if (!test::eventually([&] { return woken.exchange(false); })) good = false;
        for (std::size_t n = 1; n != 0 && good;) {
          auto polled = reader->poll(64, [&](std::span<const RawMessage> messages) {
            for (const auto& message : messages) {
              if (test::text(message.value) != std::to_string(next[test::text(message.key)]++)) good = false;
            }
            return messages.size();
          });
          n = polled.ok() ? *polled : 0;
          got += static_cast<int>(n);
          if (!polled.ok() || (n != 0 && !log->purge({"out", p}, reader->position() / 2).ok())) good = false;
        }
      }
    });
  }
  threads.emplace_back([&] {
    // From the beginning, again and again, while compaction changes what is there.
    for (int i = 0; i < 50; ++i) {
      auto reader = *log->reader({"table", 0}, 0, nullptr);
      Offset last = -1;
      for (;;) {
        auto polled = reader->poll(1'000, [&](std::span<const RawMessage> messages) {
          for (const auto& message : messages) {
            if (message.offset <= last) good = false;
            last = message.offset;
          }
          return messages.size();
        });
        if (!polled.ok()) good = false;
        if (!polled.ok() || *polled == 0) break;
      }
    }
  });
  for (auto& thread : threads) thread.join();
  CHECK(good);
  CHECK((*log->bounds({"in", 0})).end == sent);
  std::map<std::string, std::string> last;
  for (const auto& line : test::read_all(*log, {"table", 0})) {
    const auto key = line.find(' ') + 1, value = line.find('=') + 1;
    last[line.substr(key, value - key - 1)] = line.substr(value);
  }
  CHECK(last.size() == writers * 7);
  for (const auto& [key, value] : last) CHECK(std::stoi(value) >= commits * per_commit - 7);
}

}  // namespace
}  // namespace klamm::log
