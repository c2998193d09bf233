#include "support.hpp"

namespace klamm::rdkafka::test {
namespace {

Status create(log::Log& log, const TopicState& topic) { return log.create(std::span{&topic, 1}); }

}  // namespace

TEST_CASE("kafka: a topic is created as asked for, and found so") {
  const auto log = open();
  const std::string name = unique("changelog");
  CHECK_FALSE(must(log->topic(name)).has_value());
  CHECK(create(*log, {.name = name, .partitions = 3, .cleanup = log::Cleanup::compact}).ok());
  const auto found = must(log->topic(name));
  REQUIRE(found.has_value());
  CHECK(found->partitions == 3);
  CHECK(found->cleanup == log::Cleanup::compact);
  CHECK(create(*log, {.name = name, .partitions = 3, .cleanup = log::Cleanup::compact}).ok());
}

TEST_CASE("kafka: all that is wrong with internal topics that exist is told together") {
  const auto log = open();
  const std::string count = make_topic(*log, "count", 2), policy = make_topic(*log, "policy");
  const TopicState aging{.name = unique("aging")};  // a user's: the brokers' defaults let records go after a week
  REQUIRE(create(*log, aging).ok());
  const std::vector<TopicState> asked{{count, 3, log::Cleanup::keep, log::Owner::application},
                                      {policy, 1, log::Cleanup::compact, log::Owner::application},
                                      {aging.name, 1, log::Cleanup::keep, log::Owner::application},
                                      {count, 2, log::Cleanup::keep, log::Owner::application}};
  const Status status = log->create(asked);
  CHECK(status.code() == Code::failed_precondition);
  CHECK(std::count(status.message().begin(), status.message().end(), '\n') == 2);
  for (const std::string& part :
       {"\"" + count + "\": has 2 partitions, not 3", "\"" + policy + "\": has cleanup.policy \"delete\", not \"compact\"",
        "\"" + aging.name + "\": has retention.ms 604800000"}) {
    CAPTURE(part);
    CHECK(status.message().find(part) != std::string::npos);
  }
}

TEST_CASE("kafka: a user's topic is made with the brokers' defaults, and only its count is checked") {
  const auto log = open();
  const TopicState topic{.name = unique("users"), .partitions = 2};
  REQUIRE(create(*log, topic).ok());
  CHECK(create(*log, {.name = topic.name, .partitions = 2, .cleanup = log::Cleanup::compact}).ok());
  const Status other = create(*log, {.name = topic.name, .partitions = 3});
  CHECK(other.message() == "topic \"" + topic.name + "\": has 2 partitions, not 3: ask for 2");
}

TEST_CASE("kafka: internal topics that somebody else has to make are listed with what they need") {
  KafkaOptions with = options();
  with.create_internal_topics = false;
  with.application_id = "app";
  with.all_topics = {{"segment.ms", "1000000"}};
  with.topics = {{"b", {{"segment.ms", "2000000"}}}, {"app-a", {{"min.insync.replicas", "1"}}}};
  const auto log = open(with);
  const std::vector<TopicState> asked{{"app-a", 3, log::Cleanup::keep, log::Owner::application},
                                      {"app-b", 4, log::Cleanup::compact, log::Owner::application}};
  const std::string message = log->create(asked).message();
  CHECK(message.find("describe --topics") != std::string::npos);
  CHECK(message.find("app-a  partitions=3  cleanup.policy=delete  message.timestamp.after.max.ms=9223372036854775807  "
                     "min.insync.replicas=1  retention.bytes=-1  retention.ms=-1  segment.ms=1000000") != std::string::npos);
  CHECK(message.find("app-b  partitions=4  cleanup.policy=compact") != std::string::npos);
  CHECK(message.find("segment.ms=2000000") != std::string::npos);
  CHECK_FALSE(must(log->topic("app-a")).has_value());
  CHECK(create(*log, {.name = unique("users")}).ok());
}

TEST_CASE("kafka: settings of internal topics are theirs when they are made; those of no topic of the application are an error") {
  KafkaOptions with = options();
  with.application_id = unique("app");
  with.all_topics = {{"segment.ms", "1000000"}};
  with.topics = {{"a", {{"segment.ms", "2000000"}}}};
  std::string told;
  std::mutex telling;
  with.log_sink = [&](Level level, std::string_view line) {
    const std::lock_guard lock{telling};
    if (level == Level::warning) told += line;
  };
  const auto log = open(with);
  const std::vector<TopicState> asked{{with.application_id + "-a", 1, log::Cleanup::keep, log::Owner::application}};
  REQUIRE(log->create(asked).ok());
  CHECK(log->create(asked).ok());
  CHECK(told.find("segment.ms") == std::string::npos);
  with.topics = {{"a", {{"segment.ms", "3000000"}}}};
  CHECK(open(with)->create(asked).ok());
  CHECK(told.find("has segment.ms 2000000, not 3000000") != std::string::npos);
  with.topics = {{"c", {}}};
  CHECK(open(with)->create(asked).message().find("\"c\" is none of the application's internal topics: " + with.application_id + "-a") !=
        std::string::npos);
  with.topics = {{"a", {{"no.such.setting", "1"}}}};
  const std::vector<TopicState> fresh{{with.application_id + "-b", 1, log::Cleanup::keep, log::Owner::application}, asked.front()};
  with.all_topics = {{"no.such.setting", "1"}};
  CHECK(open(with)->create(fresh).message().find("no.such.setting") != std::string::npos);
}

TEST_CASE("kafka: what can't be created says why, with the broker") {
  const auto log = open();
  CHECK(create(*log, {.name = "a/b"}).code() == Code::invalid_argument);
  KafkaOptions with = options();
  with.replication_factor = 3;
  const auto other = open(with);
  const Status status = create(*other, {.name = unique("replicated")});
  CHECK(status.code() == Code::invalid_argument);
  CHECK(status.message().find(brokers()) != std::string::npos);
}

TEST_CASE("kafka: processes that create the same topic at once are all content") {
  const std::string name = unique("raced");
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  std::vector<std::unique_ptr<log::Log>> logs;
  for (int i = 0; i < 4; ++i) logs.push_back(open());
  for (const auto& log : logs) {
    threads.emplace_back([&] {
      if (create(*log, {.name = name, .partitions = 2, .cleanup = log::Cleanup::compact}).ok()) ++good;
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(good == 4);
}

TEST_CASE("kafka: records of 1970 and of the far future stay in the topics that klamm makes") {
  const auto log = open();
  for (const auto cleanup : {log::Cleanup::keep, log::Cleanup::compact}) {
    const std::string topic = make_topic(*log, "times", 1, cleanup);
    const auto producer = must(log->producer(unique("p"), Guarantee::exactly_once, nullptr));
    const auto number = must(producer->topic(topic));
    for (const std::int64_t time : {std::int64_t{0}, std::int64_t{1}, std::int64_t{-5}, std::int64_t{32'503'680'000'000}})
      producer->append(number, 0, bytes(std::to_string(time)), bytes("v"), Timestamp{time}, {});
    const Status status = commit(*producer);
    CHECK_MESSAGE(status.ok(), status.message());
    const auto reader = must(log->reader({topic, 0}, 0, nullptr));
    std::vector<std::int64_t> times;
    CHECK(eventually([&] {
      const auto polled = reader->poll(100, [&](std::span<const RawMessage> run) {
        for (const auto& message : run) times.push_back(message.timestamp.milliseconds());
        return run.size();
      });
      return polled.ok() && times.size() == 4;
    }));
    // Kafka's clients take 0 for "now", so it becomes 1.
    CHECK(times == std::vector<std::int64_t>{1, 1, -5, 32'503'680'000'000});
  }
}

TEST_CASE("kafka: purged records are gone, and a reader that stands before them is told") {
  const auto log = open();
  const std::string topic = make_topic(*log, "purged");
  const auto producer = must(log->producer(unique("p"), Guarantee::exactly_once, nullptr));
  const auto number = must(producer->topic(topic));
  for (int i = 0; i < 10; ++i) append(*producer, number, "k", std::to_string(i));
  REQUIRE(commit(*producer).ok());
  CHECK(log->purge({topic, 0}, 6).ok());
  CHECK(eventually([&] { return must(log->bounds({topic, 0})).begin == 6; }));
  const auto reader = must(log->reader({topic, 0}, 2, nullptr));
  Status failure;
  CHECK(eventually([&] {
    auto polled = reader->poll(10, [](std::span<const RawMessage> run) { return run.size(); });
    failure = polled.status();
    return !failure.ok();
  }));
  CHECK(failure.code() == Code::out_of_range);
  reader->seek(6);
  CHECK(read_to(*reader, 10) == Lines{"6 k=6", "7 k=7", "8 k=8", "9 k=9"});
}

TEST_CASE("kafka: removed topics are gone, and may have been gone before") {
  const auto log = open();
  const std::vector<std::string> names{make_topic(*log, "gone"), unique("never")};
  CHECK(log->remove(names).ok());
  CHECK_FALSE(must(log->topic(names[0])).has_value());
  CHECK(log->bounds({names[0], 0}).status().code() == Code::not_found);
}

TEST_CASE("kafka: a partition that is not there is named with those that are") {
  const auto log = open();
  const std::string topic = make_topic(*log, "two", 2);
  const Status status = log->bounds({topic, 2}).status();
  CHECK(status.code() == Code::not_found);
  CHECK(status.message() == "topic \"" + topic + "\": has partitions 0 to 1, no partition 2");
}

}  // namespace klamm::rdkafka::test
