#include "support.hpp"

// What both embedded logs promise: each case runs on the one in memory and on the one in a directory.

namespace klamm::log {
namespace {

using test::bytes, test::commit, test::Lines, test::read_all;

void with_both(const std::function<void(Log&)>& check) {
  SUBCASE("in memory") { check(*memory_log({.compact_at_least = 8})); }
  SUBCASE("in a directory") {
    const test::TemporaryDirectory directory;
    check(*test::open({.directory = directory.path(), .compact_at_least = 8}));
  }
  SUBCASE("in a directory, nothing cached") {
    const test::TemporaryDirectory directory;
    check(*test::open({.directory = directory.path(), .cache_bytes = 0, .compact_at_least = 8}));
  }
}

void create(Log& log, const TopicState& topic) {
  const Status status = log.create(std::span{&topic, 1});
  REQUIRE_MESSAGE(status.ok(), status.message());
}

struct Writer {
  std::unique_ptr<Producer> producer;
  Producer::Topic topic;

  Writer(Log& log, const std::string& name)
      : producer{*log.producer("writer", klamm::Guarantee::exactly_once, nullptr)}, topic{*producer->topic(name)} {}
  void put(std::string_view key, std::optional<std::string_view> value, Partition partition = 0) {
    producer->append(topic, partition, bytes(key), value ? bytes(*value) : BytesView{}, Timestamp{1}, {});
  }
};

TEST_CASE("topics are created once, and differences are told with both sides") {
  with_both([](Log& log) {
    create(log, {"a", 3, Cleanup::compact});
    create(log, {"a", 3, Cleanup::compact});
    CHECK((*log.topic("a"))->partitions == 3);
    CHECK((*log.topic("a"))->cleanup == Cleanup::compact);
    CHECK_FALSE((*log.topic("b")).has_value());
    const TopicState wrong[] = {{"new", 1, Cleanup::keep}, {"a", 4, Cleanup::compact}};
    const Status counts = log.create(wrong);
    CHECK(counts.code() == Code::failed_precondition);
    CHECK(counts.message().find("3 partitions, not 4") != std::string::npos);
    CHECK(counts.object() == "a");
    CHECK_FALSE((*log.topic("new")).has_value());
    const TopicState kept{"a", 3, Cleanup::keep};
    CHECK(log.create({&kept, 1}).code() == Code::failed_precondition);
    const TopicState none{"n", 0, Cleanup::keep};
    CHECK(log.create({&none, 1}).code() == Code::invalid_argument);
    CHECK(log.bounds({"a", 3}).status().code() == Code::not_found);
    CHECK(log.reader({"x", 0}, 0, nullptr).status().code() == Code::not_found);
  });
}

TEST_CASE("a commit shows all of a transaction, and before it nothing") {
  with_both([](Log& log) {
    create(log, {"t", 2, Cleanup::keep});
    Writer w{log, "t"};
    w.put("a", "1");
    w.put("b", "2", 1);
    w.put("c", "3");
    CHECK(w.producer->pending_bytes() > 0);
    CHECK(read_all(log, {"t", 0}).empty());
    REQUIRE(commit(*w.producer).ok());
    CHECK(w.producer->pending_bytes() == 0);
    CHECK(read_all(log, {"t", 0}) == Lines{"0 a=1", "1 c=3"});
    CHECK(read_all(log, {"t", 1}) == Lines{"0 b=2"});
    CHECK((*log.bounds({"t", 0})).end == 2);
    CHECK_FALSE(w.producer->poll().has_value());
  });
}

TEST_CASE("what is appended while a commit is in flight belongs to the next one") {
  with_both([](Log& log) {
    create(log, {"t", 1, Cleanup::keep});
    Writer w{log, "t"};
    w.put("a", "1");
    test::begin_commit(*w.producer);
    w.put("b", "2");
    REQUIRE(test::outcome(*w.producer).ok());
    CHECK(read_all(log, {"t", 0}) == Lines{"0 a=1"});
    w.producer->abort();
    w.put("c", "3");
    REQUIRE(commit(*w.producer).ok());
    CHECK(read_all(log, {"t", 0}) == Lines{"0 a=1", "1 c=3"});
  });
}

TEST_CASE("offsets, marks and feeders' positions are committed, read back and forgotten") {
  with_both([](Log& log) {
    create(log, {"t", 2, Cleanup::keep});
    Writer w{log, "t"};
    const std::string mark{"any\0bytes\xff", 10};
    REQUIRE(commit(*w.producer, {{{"t", 1}, {5, mark}}}, {{"file", 77}}).ok());
    const TopicPartition both[] = {{"t", 0}, {"t", 1}};
    auto found = log.committed("group", both);
    REQUIRE(found.ok());
    CHECK_FALSE((*found)[0].has_value());
    CHECK((*found)[1]->offset == 5);
    CHECK((*found)[1]->metadata == mark);
    CHECK_FALSE((*log.committed("another", both))[1].has_value());
    CHECK(*log.feed_position("file") == 77);
    CHECK_FALSE((*log.feed_position("none")).has_value());
    REQUIRE(log.forget("group").ok());
    CHECK_FALSE((*log.committed("group", both))[1].has_value());
  });
}

TEST_CASE("an inlet's records and positions are there after flush, and belong together") {
  with_both([](Log& log) {
    create(log, {"t", 2, Cleanup::keep});
    auto inlet = log.inlet("t", "feeder");
    REQUIRE(inlet.ok());
    Bytes headers;
    Headers::append(headers, {"h", bytes("x")});
    CHECK((*inlet)->send(0, bytes("a"), bytes("1"), Timestamp{9}, headers, 10).ok());
    CHECK((*inlet)->try_send(1, {}, {}, Timestamp{9}, {}) == true);
    CHECK((*inlet)->send(0, bytes("b"), bytes("2"), Timestamp{9}, {}, 20).ok());
    REQUIRE((*inlet)->flush().ok());
    CHECK(read_all(log, {"t", 0}) == Lines{"0 a=1", "1 b=2"});
    CHECK(read_all(log, {"t", 1}) == Lines{"0 null=null"});
    CHECK(*log.feed_position("feeder") == 20);
    CHECK((*inlet)->send(2, {}, {}, {}, {}, {}).code() == Code::invalid_argument);
    auto plain = log.inlet("t", "");
    CHECK((*plain)->send(0, {}, {}, {}, {}, 1).code() == Code::failed_precondition);
    CHECK(log.inlet("none", "").status().code() == Code::not_found);
  });
}

TEST_CASE("a transaction says where it will end, before it is committed or dropped") {
  with_both([](Log& log) {
    create(log, {"t", 2, Cleanup::keep});
    Writer w{log, "t"};
    w.put("a", "1");
    w.put("b", "2");
    REQUIRE(commit(*w.producer).ok());
    w.put("c", "3");
    w.producer->prepare();
    w.put("d", "4");  // belongs to the next one
    const auto prepared = w.producer->prepared();
    REQUIRE(prepared.has_value());
    CHECK(prepared->status.ok());
    REQUIRE(prepared->ends.size() == 1);
    CHECK(prepared->ends[0].topic == w.topic);
    CHECK(prepared->ends[0].partition == 0);
    CHECK(prepared->ends[0].offset == 3);
    CHECK_FALSE(w.producer->prepared().has_value());
    CHECK(read_all(log, {"t", 0}).size() == 2);
    w.producer->abort();
    CHECK(w.producer->pending_bytes() == 0);
    w.put("e", "5");
    REQUIRE(commit(*w.producer).ok());
    CHECK(read_all(log, {"t", 0}) == Lines{"0 a=1", "1 b=2", "2 e=5"});
    w.producer->prepare();
    CHECK(w.producer->prepared()->ends.empty());
    w.producer->abort();
  });
}

TEST_CASE("a reader that found nothing is woken once by what comes") {
  with_both([](Log& log) {
    create(log, {"t", 1, Cleanup::keep});
    std::atomic<int> woken = 0, ended = 0;
    auto reader = *log.reader({"t", 0}, 0, [&] { ++woken; });
    auto producer = *log.producer("p", klamm::Guarantee::exactly_once, [&] { ++ended; });
    const auto topic = *producer->topic("t");
    CHECK(read_all(*reader).empty());
    for (int i = 0; i < 2; ++i) {
      producer->append(topic, 0, bytes("k"), bytes("v"), Timestamp{}, {});
      REQUIRE(commit(*producer).ok());
      CHECK(test::eventually([&] { return ended == i + 1; }));
      CHECK(woken == 1);
    }
    CHECK(read_all(*reader).size() == 2);
    CHECK(reader->position() == 2);
    CHECK(reader->end() == 2);
  });
}

TEST_CASE("a reader takes as much as it wants, seeks, and keeps to the bounds") {
  with_both([](Log& log) {
    create(log, {"t", 1, Cleanup::keep});
    Writer w{log, "t"};
    for (int commits = 0; commits < 3; ++commits) {
      for (int i = 0; i < 10; ++i) w.put(std::to_string(commits), std::to_string(i));
      REQUIRE(commit(*w.producer).ok());
    }
    auto reader = *log.reader({"t", 0}, 4, nullptr);
    Lines lines;
    const auto two = [&](std::span<const RawMessage> messages) {
      for (const auto& message : messages.first(2)) lines.push_back(test::show(message));
      return std::size_t{2};
    };
    CHECK(reader->poll(100, two) == 2U);
    CHECK(reader->position() == 6);
    CHECK(lines == Lines{"4 0=4", "5 0=5"});
    CHECK(reader->poll(9, [](auto messages) { return messages.size(); }) == 9U);
    CHECK(reader->position() == 15);
    reader->seek(28);
    CHECK(read_all(*reader) == Lines{"28 2=8", "29 2=9"});
    reader->seek(31);
    CHECK(reader->poll(1, two).status().code() == Code::out_of_range);
    REQUIRE(log.purge({"t", 0}, 12).ok());
    CHECK((*log.bounds({"t", 0})).begin == 12);
    reader->seek(11);
    const auto purged = reader->poll(1, two);
    CHECK(purged.status().code() == Code::out_of_range);
    CHECK(purged.status().message().find("offset 11 is not in the log, which has 12 up to 30") != std::string::npos);
    CHECK(read_all(log, {"t", 0}).front() == "12 1=2");
    CHECK(log.purge({"t", 0}, 31).code() == Code::out_of_range);
    REQUIRE(log.purge({"t", 0}, 30).ok());
    CHECK(read_all(log, {"t", 0}).empty());
    w.put("later", "x");
    REQUIRE(commit(*w.producer).ok());
    CHECK(read_all(log, {"t", 0}) == Lines{"30 later=x"});
  });
}

TEST_CASE("compaction keeps the newest record of each key at its offset") {
  with_both([](Log& log) {
    create(log, {"t", 1, Cleanup::compact});
    Writer w{log, "t"};
    auto slow = *log.reader({"t", 0}, 0, nullptr);
    for (int round = 0; round < 40; ++round) {
      w.put("a", std::to_string(round));
      w.put("b", std::to_string(round));
      if (round == 3) w.put("c", "once");
      REQUIRE(commit(*w.producer).ok());
    }
    CHECK(test::eventually([&] { return read_all(log, {"t", 0}).size() < 30; }));
    const Lines lines = read_all(log, {"t", 0});
    CHECK(std::find(lines.begin(), lines.end(), "8 c=once") != lines.end());
    CHECK(lines[lines.size() - 2] == "79 a=39");
    CHECK(lines.back() == "80 b=39");
    CHECK((*log.bounds({"t", 0})).end == 81);
    CHECK(read_all(*slow).back() == "80 b=39");
    CHECK(slow->position() == 81);
  });
}

TEST_CASE("a tombstone stays until readers are past it, and what it deleted never comes back") {
  with_both([](Log& log) {
    create(log, {"t", 1, Cleanup::compact});
    Writer w{log, "t"};
    const auto churn = [&](int times) {
      for (int i = 0; i < times; ++i) w.put("churn", std::to_string(i));
      REQUIRE(commit(*w.producer).ok());
    };
    const auto has_tombstone = [&] {
      const Lines lines = read_all(log, {"t", 0});
      CHECK(std::find(lines.begin(), lines.end(), "0 gone=1") == lines.end());
      return std::find(lines.begin(), lines.end(), "1 gone=null") != lines.end();
    };
    w.put("gone", "1");
    w.put("gone", {});
    churn(20);
    CHECK(test::eventually([&] { return read_all(log, {"t", 0}).size() < 10; }));
    for (int i = 0; i < 5; ++i) churn(20);
    CHECK(has_tombstone());
    log.restored_from({"t", 0}, 1);
    for (int i = 0; i < 5; ++i) churn(20);
    CHECK(has_tombstone());
    log.restored_from({"t", 0}, 2);
    // A reader that may have seen the value holds the tombstone back.
    auto reader = *log.reader({"t", 0}, 1, nullptr);
    for (int i = 0; i < 5; ++i) churn(20);
    CHECK(has_tombstone());
    reader = nullptr;
    CHECK(test::eventually([&] {
      churn(20);
      return !has_tombstone();
    }));
  });
}

TEST_CASE("records without a key survive compaction") {
  with_both([](Log& log) {
    create(log, {"t", 1, Cleanup::compact});
    Writer w{log, "t"};
    for (int i = 0; i < 3; ++i) w.producer->append(w.topic, 0, {}, bytes("keyless"), Timestamp{}, {});
    for (int i = 0; i < 50; ++i) {
      w.put("k", "v");
      REQUIRE(commit(*w.producer).ok());
    }
    CHECK(test::eventually([&] { return read_all(log, {"t", 0}).size() < 25; }));
    const Lines lines = read_all(log, {"t", 0});
    CHECK(Lines{lines.begin(), lines.begin() + 3} == Lines{"0 null=keyless", "1 null=keyless", "2 null=keyless"});
    CHECK(lines.back() == "52 k=v");
  });
}

TEST_CASE("a removed topic is gone with its offsets, and can be made anew") {
  with_both([](Log& log) {
    create(log, {"t", 1, Cleanup::keep});
    Writer w{log, "t"};
    w.put("a", "1");
    REQUIRE(commit(*w.producer, {{{"t", 0}, {1, "mark"}}}).ok());
    auto reader = *log.reader({"t", 0}, 0, nullptr);
    auto inlet = *log.inlet("t", "");
    const std::string names[] = {"t", "never was"};
    REQUIRE(log.remove(names).ok());
    CHECK_FALSE((*log.topic("t")).has_value());
    CHECK(reader->poll(1, [](auto m) { return m.size(); }).status().code() == Code::not_found);
    w.put("b", "2");
    CHECK(commit(*w.producer).code() == Code::not_found);
    (void)inlet->send(0, {}, {}, {}, {}, {});
    CHECK((inlet->flush().code() == Code::not_found || inlet->send(0, {}, {}, {}, {}, {}).code() == Code::not_found));
    create(log, {"t", 2, Cleanup::keep});
    const TopicPartition tp{"t", 0};
    CHECK_FALSE((*log.committed("group", {&tp, 1}))[0].has_value());
    Writer fresh{log, "t"};
    fresh.put("c", "3");
    REQUIRE(commit(*fresh.producer).ok());
    CHECK(read_all(log, tp) == Lines{"0 c=3"});
  });
}

struct Listener final : GroupListener {
  std::vector<std::string> got;
  void assigned(std::span<const TopicPartition> partitions) override {
    for (const auto& tp : partitions) got.push_back(to_string(tp));
  }
  void revoked(std::span<const TopicPartition> partitions) override {
    for (const auto& tp : partitions) got.push_back('-' + to_string(tp));
  }
  void lost(std::span<const TopicPartition> partitions) override {
    for (const auto& tp : partitions) got.push_back('!' + to_string(tp));
  }
};

TEST_CASE("the one member of a group gets every partition at its first poll") {
  with_both([](Log& log) {
    create(log, {"a", 2, Cleanup::keep});
    create(log, {"b", 1, Cleanup::keep});
    Listener listener;
    auto member = log.join("g", {"a", "b"}, listener);
    REQUIRE(member.ok());
    CHECK(listener.got.empty());
    CHECK((*member)->poll().ok());
    CHECK((*member)->poll().ok());
    CHECK(listener.got == Lines{"a-0", "a-1", "b-0"});
    CHECK(log.join("g", {"a"}, listener).status().code() == Code::failed_precondition);
    CHECK(log.join("h", {"none"}, listener).status().code() == Code::not_found);
    *member = nullptr;
    CHECK(log.join("g", {"a"}, listener).ok());
  });
}

}  // namespace
}  // namespace klamm::log
