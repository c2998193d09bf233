#include "support.hpp"

namespace klamm::rdkafka::test {
namespace {

std::string refused(KafkaOptions with) {
  auto opened = open_kafka(std::move(with));
  REQUIRE_FALSE(opened.ok());
  CHECK(opened.status().code() == Code::invalid_argument);
  return opened.status().message();
}

}  // namespace

TEST_CASE("kafka: a setting that is klamm's own is refused with what to use instead") {
  KafkaOptions with{
      .brokers = "localhost:1", .application_id = "a", .consumer = {{"enable.auto.commit", "true"}}, .producer = {{"acks", "1"}}};
  const std::string message = refused(with);
  CHECK(message.find(".consumer: setting \"enable.auto.commit\" is klamm's own: use .commit_interval") != std::string::npos);
  CHECK(message.find(".producer: setting \"acks\" is klamm's own: use .guarantee") != std::string::npos);
}

TEST_CASE("kafka: a setting that librdkafka does not know is refused in its words") {
  CHECK(refused({.brokers = "localhost:1", .application_id = "a", .admin = {{"no.such.thing", "1"}}})
            .find("No such configuration property: \"no.such.thing\"") != std::string::npos);
  CHECK(refused({.brokers = "localhost:1", .application_id = "a", .client = {{"socket.timeout.ms", "soon"}}}).find("socket.timeout.ms") !=
        std::string::npos);
}

TEST_CASE("kafka: no brokers is an error that says so") {
  CHECK(refused({.application_id = "a"}).find("no host:port") != std::string::npos);
}

TEST_CASE("kafka: settings pass through to librdkafka") {
  KafkaOptions with = options();
  with.client = {{"client.rack", "r1"}};
  with.consumer = {{"fetch.wait.max.ms", "20"}};
  with.producer = {{"compression.codec", "zstd"}, {"linger.ms", "1"}};
  with.admin = {{"socket.timeout.ms", "5000"}};
  const auto log = open(with);
  const std::string topic = make_topic(*log, "passed");
  const auto producer = must(log->producer(unique("p"), Guarantee::exactly_once, nullptr));
  append(*producer, must(producer->topic(topic)), "k", "v");
  CHECK(commit(*producer).ok());
  CHECK(read_all(*log, {topic, 0}) == Lines{"0 k=v"});
}

TEST_CASE("kafka: brokers that are away are told as such, and opening does not wait for them") {
  KafkaOptions with{.brokers = "127.0.0.1:1", .application_id = "a", .request_timeout = Duration{500}};
  const auto log = open(with);
  const auto topic = log->topic("t");
  REQUIRE_FALSE(topic.ok());
  CHECK(topic.status().code() == Code::unavailable);
  CHECK(topic.status().message().find("127.0.0.1:1") != std::string::npos);
  CHECK(eventually([&] { return !log->connected(); }));
}

}  // namespace klamm::rdkafka::test
