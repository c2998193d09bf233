#include <atomic>
#include <random>

#include "support.hpp"

namespace klamm::rdkafka::test {
namespace {

// A log with a topic, and a producer with the topic's number.
struct Written {
  explicit Written(const std::string& name, log::Partition partitions = 1, log::Cleanup cleanup = log::Cleanup::keep)
      : topic{make_topic(*log, name, partitions, cleanup)},
        producer{must(log->producer(unique("p"), Guarantee::exactly_once, nullptr))},
        number{must(producer->topic(topic))} {}

  std::unique_ptr<log::Log> log = open();
  std::string topic;
  std::unique_ptr<log::Producer> producer;
  log::Producer::Topic number;
};

}  // namespace

TEST_CASE("kafka: a reader gives keys, values, nulls, headers and timestamps as they were written") {
  Written with{"whole"};
  Bytes headers;
  Headers::append(headers, {"a", bytes("1")});
  Headers::append(headers, {"a", {}});
  Headers::append(headers, {"b", bytes("")});
  with.producer->append(with.number, 0, bytes("key"), bytes("value"), Timestamp{7}, headers);
  with.producer->append(with.number, 0, {}, bytes(""), Timestamp{8}, {});
  with.producer->append(with.number, 0, bytes(""), {}, Timestamp{9}, {});
  REQUIRE(commit(*with.producer).ok());
  const auto reader = must(with.log->reader({with.topic, 0}, 0, nullptr));
  Lines lines;
  CHECK(eventually([&] {
    const auto polled = reader->poll(100, [&](std::span<const RawMessage> run) {
      for (const auto& message : run) {
        std::string line = show(message) + " @" + std::to_string(message.timestamp.milliseconds());
        Headers view{message.headers};
        for (Header header; view.next(header);) line += ' ' + std::string{header.key} + ':' + text(header.value);
        lines.push_back(line);
      }
      return run.size();
    });
    return polled.ok() && lines.size() == 3;
  }));
  CHECK(lines == Lines{"0 key=value @7 a:1 a:null b:", "1 null= @8", "2 =null @9"});
}

TEST_CASE("kafka: a reader stands at the end behind markers, and shows nothing of aborted transactions") {
  Written with{"markers"};
  append(*with.producer, with.number, "a", "1");
  REQUIRE(commit(*with.producer).ok());
  append(*with.producer, with.number, "a", "aborted");
  REQUIRE(prepare(*with.producer).status.ok());
  with.producer->abort();
  append(*with.producer, with.number, "a", "2");
  REQUIRE(commit(*with.producer).ok());
  log::Bounds bounds;
  CHECK(eventually([&] { return (bounds = must(with.log->bounds({with.topic, 0}))).end == 6; }));  // three records, three markers
  const auto reader = must(with.log->reader({with.topic, 0}, 0, nullptr));
  CHECK(read_to(*reader, bounds.end) == Lines{"0 a=1", "4 a=2"});
  CHECK(reader->position() == bounds.end);
  CHECK(reader->end() == bounds.end);
}

TEST_CASE("kafka: a reader does not see an open transaction, nor is told of an end behind it") {
  Written with{"open"};
  append(*with.producer, with.number, "a", "1");
  REQUIRE(commit(*with.producer).ok());
  append(*with.producer, with.number, "a", "2");
  REQUIRE(prepare(*with.producer).status.ok());
  CHECK(eventually([&] { return must(with.log->bounds({with.topic, 0})).end == 2; }));
  const auto reader = must(with.log->reader({with.topic, 0}, 0, nullptr));
  CHECK(read_to(*reader, 2) == Lines{"0 a=1"});
  with.producer->commit("group", {}, {});
  REQUIRE(outcome(*with.producer).ok());
  CHECK(read_to(*reader, 4) == Lines{"2 a=2"});
}

TEST_CASE("kafka: a reader that takes less than it gets goes on where it stopped") {
  Written with{"slow"};
  Lines all;
  for (int i = 0; i < 1'500; ++i) {
    append(*with.producer, with.number, "k", std::to_string(i));
    all.push_back(std::to_string(i) + " k=" + std::to_string(i));
  }
  REQUIRE(commit(*with.producer).ok());
  const auto reader = must(with.log->reader({with.topic, 0}, 0, nullptr));
  Lines lines;
  std::size_t round = 0;
  CHECK(eventually([&] {
    const std::size_t wanted = ++round % 7;
    const auto polled = reader->poll(10, [&](std::span<const RawMessage> run) {
      CHECK(run.size() <= 10);
      const std::size_t count = std::min(wanted, run.size());
      for (const auto& message : run.first(count)) lines.push_back(show(message));
      return count;
    });
    REQUIRE(polled.ok());
    if (!lines.empty() && lines.size() < all.size()) CHECK(reader->position() == static_cast<log::Offset>(lines.size()));
    return lines.size() == all.size();
  }));
  CHECK(lines == all);
}

TEST_CASE("kafka: a reader wakes whoever found nothing") {
  Written with{"woken"};
  std::atomic<int> woken{0};
  const auto reader = must(with.log->reader({with.topic, 0}, 0, [&] { ++woken; }));
  CHECK(read_to(*reader, 0).empty());
  std::this_thread::sleep_for(std::chrono::milliseconds{200});
  CHECK(read_to(*reader, 0).empty());  // the end itself may have been a reason
  const int before = woken;
  append(*with.producer, with.number, "k", "v");
  REQUIRE(commit(*with.producer).ok());
  CHECK(eventually([&] { return woken > before; }));
  CHECK(read_to(*reader, 2) == Lines{"0 k=v"});
}

TEST_CASE("kafka: a reader seeks back and forth") {
  Written with{"sought"};
  for (int i = 0; i < 5; ++i) append(*with.producer, with.number, "k", std::to_string(i));
  REQUIRE(commit(*with.producer).ok());
  const auto reader = must(with.log->reader({with.topic, 0}, 3, nullptr));
  CHECK(read_to(*reader, 6) == Lines{"3 k=3", "4 k=4"});
  for (int round = 0; round < 20; ++round) {
    reader->seek(round % 5);
    CHECK(reader->position() == round % 5);
    const Lines lines = read_to(*reader, 6);
    CHECK(lines.size() == static_cast<std::size_t>(5 - round % 5));
    CHECK(lines.front() == std::to_string(round % 5) + " k=" + std::to_string(round % 5));
  }
}

TEST_CASE("kafka: a reader knows when it has been at the end, and not before") {
  const auto log = open();
  const TopicPartition tp{make_topic(*log, "end"), 0};
  const auto inlet = must(log->inlet(tp.topic, ""));
  for (int i = 0; i < 100; ++i) REQUIRE(inlet->send(0, {}, bytes("v"), Timestamp{1}, {}, std::nullopt).ok());
  REQUIRE(inlet->flush().ok());
  const auto reader = must(log->reader(tp, 0, nullptr));
  for (const log::Offset from : {0, 50, 100}) {
    reader->seek(from);
    CHECK_FALSE(reader->has_been_at_end());
    std::size_t taken = 0;
    CHECK(within(10, [&] {
      taken += must(reader->poll(1'000, [](std::span<const RawMessage> run) { return run.size(); }));
      return reader->has_been_at_end();
    }));
    CHECK(taken == static_cast<std::size_t>(100 - from));
  }
}

TEST_CASE("kafka: a reader ahead of the log is told so") {
  Written with{"ahead"};
  const auto reader = must(with.log->reader({with.topic, 0}, 17, nullptr));
  Status failure;
  CHECK(eventually([&] {
    failure = reader->poll(10, [](std::span<const RawMessage> run) { return run.size(); }).status();
    return !failure.ok();
  }));
  CHECK(failure.code() == Code::out_of_range);
  CHECK(failure.message().find(with.topic + "-0: offset 17 is not in the log") != std::string::npos);
}

TEST_CASE("kafka: several readers of one partition do not disturb each other") {
  Written with{"shared"};
  for (int i = 0; i < 100; ++i) append(*with.producer, with.number, "k", std::to_string(i));
  REQUIRE(commit(*with.producer).ok());
  const auto one = must(with.log->reader({with.topic, 0}, 0, nullptr));
  auto two = must(with.log->reader({with.topic, 0}, 50, nullptr));
  CHECK(read_to(*one, 101).size() == 100);
  CHECK(read_to(*two, 101).size() == 50);
  two.reset();
  const auto three = must(with.log->reader({with.topic, 0}, 99, nullptr));
  CHECK(read_to(*three, 101) == Lines{"99 k=99"});
}

TEST_CASE("kafka: many partitions are read at once, each in order") {
  Written with{"many", 20};
  for (int i = 0; i < 20'000; ++i) append(*with.producer, with.number, "k", std::to_string(i), i % 20);
  REQUIRE(commit(*with.producer).ok());
  std::vector<std::unique_ptr<log::Reader>> readers;
  for (log::Partition p = 0; p < 20; ++p) readers.push_back(must(with.log->reader({with.topic, p}, 0, nullptr)));
  for (log::Partition p = 0; p < 20; ++p) {
    const Lines lines = read_to(*readers[static_cast<std::size_t>(p)], 1'001);
    CHECK(lines.size() == 1'000);
    CHECK(lines.back() == "999 k=" + std::to_string(19'980 + p));
  }
}

TEST_CASE("kafka: a queue that was full is filled again without a pause of a second") {
  KafkaOptions with = options();
  with.consumer = {{"queued.min.messages", "1000"}};
  Written written{"full"};
  constexpr int count = 100'000;
  std::mt19937_64 random{7};  // nothing to compress: each pause is for one fetch of a megabyte
  std::string value(100, '0');
  for (int i = 0; i < count; ++i) {
    for (char& c : value) c = static_cast<char>(random());
    append(*written.producer, written.number, "k", value);
  }
  REQUIRE(commit(*written.producer).ok());
  const auto log = open(with);
  const auto reader = must(log->reader({written.topic, 0}, 0, nullptr));
  const auto start = std::chrono::steady_clock::now();
  std::this_thread::sleep_for(std::chrono::milliseconds{200});  // it is full now
  CHECK(read_to(*reader, count + 1).size() == count);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds{4});
}

TEST_CASE("kafka: a reader of a removed topic is told so") {
  Written with{"removed"};
  const auto reader = must(with.log->reader({with.topic, 0}, 0, nullptr));
  CHECK(read_to(*reader, 0).empty());
  REQUIRE(with.log->remove(std::span{&with.topic, 1}).ok());
  Status failure;
  CHECK(within(40, [&] {
    failure = reader->poll(10, [](std::span<const RawMessage> run) { return run.size(); }).status();
    return !failure.ok();
  }));
  CHECK(failure.code() == Code::not_found);
}

}  // namespace klamm::rdkafka::test
