#include <map>

#include "kafka/inlet.hpp"
#include "support.hpp"

namespace klamm::rdkafka::test {
namespace {

std::unique_ptr<log::Producer> producer(log::Log& log, Guarantee guarantee = Guarantee::exactly_once,
                                        const std::string& name = unique("p")) {
  return must(log.producer(name, guarantee, nullptr));
}

log::OffsetCommit at(const TopicPartition& tp, log::Offset offset, std::string metadata = {}) {
  return {tp, {offset, std::move(metadata)}};
}

log::Offset committed(log::Log& log, const std::string& group, const TopicPartition& tp) {
  Result<std::vector<std::optional<log::Committed>>> answer = log.committed(group, std::span{&tp, 1});
  CHECK(within(20, [&] { return (answer = log.committed(group, std::span{&tp, 1})).ok(); }));
  const auto found = must(std::move(answer));
  return found[0] ? found[0]->offset : -1;
}

}  // namespace

TEST_CASE("kafka: records and offsets of a transaction are there together, under both guarantees") {
  const auto log = open();
  for (const auto guarantee : {Guarantee::exactly_once, Guarantee::at_least_once}) {
    const std::string input = make_topic(*log, "in"), output = make_topic(*log, "out", 2), group = unique("group");
    const auto worker = producer(*log, guarantee);
    const auto number = must(worker->topic(output));
    append(*worker, number, "a", "1", 0);
    append(*worker, number, "b", "2", 1);
    append(*worker, number, "a", "3", 0);
    const auto prepared = prepare(*worker);
    REQUIRE_MESSAGE(prepared.status.ok(), prepared.status.message());
    std::map<log::Partition, log::Offset> ends;
    for (const auto& end : prepared.ends) {
      CHECK(end.topic == number);
      ends[end.partition] = end.offset;
    }
    CHECK(ends == std::map<log::Partition, log::Offset>{{0, 2}, {1, 1}});
    CHECK(committed(*log, group, {input, 0}) == -1);
    worker->commit(group, {at({input, 0}, 42, std::string{"\0mark\xff", 6})}, {});
    const Status status = outcome(*worker);
    CHECK_MESSAGE(status.ok(), status.message());
    CHECK(worker->pending_bytes() == 0);
    CHECK(read_all(*log, {output, 0}, 2) == Lines{"0 a=1", "1 a=3"});
    const TopicPartition tp{input, 0};
    CHECK(eventually([&] { return log->committed(group, std::span{&tp, 1}).ok(); }));
    const auto found = must(log->committed(group, std::span{&tp, 1}));
    REQUIRE(found[0].has_value());
    CHECK(found[0]->offset == 42);
    CHECK(found[0]->metadata == std::string{"\0mark\xff", 6});
  }
}

TEST_CASE("kafka: offsets alone are a commit, and so is nothing at all") {
  const auto log = open();
  for (const auto guarantee : {Guarantee::exactly_once, Guarantee::at_least_once}) {
    const std::string input = make_topic(*log, "in"), group = unique("group");
    const auto worker = producer(*log, guarantee);
    CHECK(commit(*worker).ok());
    CHECK(commit(*worker, group, {at({input, 0}, 7)}).ok());
    CHECK(eventually([&] {
      const TopicPartition tp{input, 0};
      return log->committed(group, std::span{&tp, 1}).ok();
    }));
    CHECK(committed(*log, group, {input, 0}) == 7);
  }
}

TEST_CASE("kafka: what is appended after prepare belongs to the next transaction") {
  const auto log = open();
  for (const auto guarantee : {Guarantee::exactly_once, Guarantee::at_least_once}) {
    const std::string topic = make_topic(*log, "two");
    const auto worker = producer(*log, guarantee);
    const auto number = must(worker->topic(topic));
    append(*worker, number, "a", "1");
    worker->prepare();
    for (int i = 0; i < 1'000; ++i) append(*worker, number, "b", "2");
    std::optional<log::Producer::Prepared> prepared;
    CHECK(within(10, [&] { return (prepared = worker->prepared()).has_value(); }));
    REQUIRE(prepared);
    REQUIRE(prepared->ends.size() == 1);
    CHECK(prepared->ends[0].offset == 1);
    worker->commit("group", {}, {});
    CHECK(outcome(*worker).ok());
    if (guarantee == Guarantee::exactly_once) CHECK(read_all(*log, {topic, 0}) == Lines{"0 a=1"});
    const auto second = prepare(*worker);
    REQUIRE(second.status.ok());
    REQUIRE(second.ends.size() == 1);
    CHECK(second.ends[0].offset == (guarantee == Guarantee::exactly_once ? 1'002 : 1'001));
    worker->commit("group", {}, {});
    CHECK(outcome(*worker).ok());
    CHECK(read_all(*log, {topic, 0}, second.ends[0].offset).size() == 1'001);
  }
}

TEST_CASE("kafka: what was aborted is never seen, and the producer goes on") {
  const auto log = open();
  const std::string topic = make_topic(*log, "aborted");
  const auto worker = producer(*log);
  const auto number = must(worker->topic(topic));
  append(*worker, number, "a", "dropped before it was sent");
  worker->abort();
  append(*worker, number, "a", "dropped when it was in");
  REQUIRE(prepare(*worker).status.ok());
  append(*worker, number, "a", "and what came after it");
  worker->abort();
  CHECK(worker->pending_bytes() == 0);
  append(*worker, number, "a", "kept");
  const auto prepared = prepare(*worker);
  REQUIRE(prepared.status.ok());
  worker->commit("group", {}, {});
  REQUIRE(outcome(*worker).ok());
  const Lines lines = read_all(*log, {topic, 0}, prepared.ends.at(0).offset);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].find("a=kept") != std::string::npos);
}

TEST_CASE("kafka: a second producer of the same name drops the first one's transaction and fences it off") {
  const auto log = open();
  const std::string topic = make_topic(*log, "fenced"), input = make_topic(*log, "in"), name = unique("p"), group = unique("group");
  const auto first = producer(*log, Guarantee::exactly_once, name);
  const auto number = must(first->topic(topic));
  append(*first, number, "a", "of the first");
  REQUIRE(prepare(*first).status.ok());
  const auto second = producer(*log, Guarantee::exactly_once, name);
  first->commit(group, {at({input, 0}, 1)}, {});
  CHECK(outcome(*first).code() == Code::aborted);
  // The first has fenced off the second in turn, by taking its name's place again: each goes back and tries again.
  append(*second, must(second->topic(topic)), "a", "of the second");
  Status status = commit(*second, group, {at({input, 0}, 2)});
  if (status.code() == Code::aborted) {
    append(*second, must(second->topic(topic)), "a", "of the second");
    status = commit(*second, group, {at({input, 0}, 2)});
  }
  CHECK_MESSAGE(status.ok(), status.message());
  Lines lines;
  CHECK(eventually([&] { return !(lines = read_all(*log, {topic, 0}, 0)).empty(); }));
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].find("of the second") != std::string::npos);
  CHECK(committed(*log, group, {input, 0}) == 2);
}

TEST_CASE("kafka: committed offsets are unavailable while a transaction would change them") {
  const auto log = open();
  const std::string input = make_topic(*log, "in"), name = unique("p"), group = unique("group");
  REQUIRE(commit(*producer(*log), group, {at({input, 0}, 1)}).ok());
  // librdkafka can't be stopped between the two, but the read beside the commit sees the old, the new or nothing yet: never anything else.
  const auto worker = producer(*log, Guarantee::exactly_once, name);
  for (log::Offset offset = 2; offset < 30; ++offset) {
    REQUIRE(prepare(*worker).status.ok());
    worker->commit(group, {at({input, 0}, offset)}, {});
    std::optional<log::CommitOutcome> ended;
    while (!ended) {
      ended = worker->poll();
      const TopicPartition tp{input, 0};
      const auto found = log->committed(group, std::span{&tp, 1});
      if (!found.ok()) {
        CHECK(found.status().code() == Code::unavailable);
        continue;
      }
      REQUIRE((*found)[0].has_value());
      CHECK((*found)[0]->offset >= (ended ? offset : offset - 1));
      CHECK((*found)[0]->offset <= offset);
    }
    REQUIRE(ended->status.ok());
  }
}

TEST_CASE("kafka: a record larger than its topic takes ends the commit with the topic's name") {
  const auto log = open();
  const std::string topic = make_topic(*log, "large");
  for (const auto guarantee : {Guarantee::exactly_once, Guarantee::at_least_once}) {
    const auto worker = producer(*log, guarantee);
    const auto number = must(worker->topic(topic));
    append(*worker, number, "k", std::string(2'000'000, 'x'));
    const auto prepared = prepare(*worker);
    CHECK(prepared.status.code() == Code::failed_precondition);
    CHECK(prepared.status.message().find("topic \"" + topic + "\": a record of") != std::string::npos);
  }
}

TEST_CASE("kafka: records that a broker refuses are tried again once, then end the application") {
  const auto log = open();
  // Brokers refuse what is more than an hour ahead, unless the topic says otherwise: made by another tool, this one does not.
  const std::string topic = unique("hourly");
  REQUIRE(::system(("kcat -b " + brokers() + " -L >/dev/null").c_str()) == 0);
  REQUIRE(::system((std::string{::getenv("KLAMM_TOPICS")} + " --create --topic " + topic + " >/dev/null").c_str()) == 0);
  for (const auto guarantee : {Guarantee::exactly_once, Guarantee::at_least_once}) {
    const auto worker = producer(*log, guarantee);
    const auto number = must(worker->topic(topic));
    const Timestamp future{32'503'680'000'000};
    worker->append(number, 0, bytes("k"), bytes("v"), future, {});
    CHECK(prepare(*worker).status.code() == Code::aborted);
    worker->append(number, 0, bytes("k"), bytes("v"), future, {});
    const Status again = prepare(*worker).status;
    CHECK(again.code() == Code::failed_precondition);
    CHECK(again.message().find(topic + "-0") != std::string::npos);
    CHECK(again.message().find("INVALID_TIMESTAMP") != std::string::npos);
    // Of another worker nothing is wrong.
    const auto other = producer(*log, guarantee);
    append(*other, must(other->topic(topic)), "k", "v");
    CHECK(commit(*other).ok());
  }
}

TEST_CASE("kafka: many transactions in a row lose and double nothing") {
  const auto log = open();
  for (const auto guarantee : {Guarantee::exactly_once, Guarantee::at_least_once}) {
    const std::string topic = make_topic(*log, "row", 3), input = make_topic(*log, "in"), group = unique("group");
    const auto worker = producer(*log, guarantee);
    const auto number = must(worker->topic(topic));
    int written = 0;
    for (int round = 0; round < 50; ++round) {
      for (int i = 0; i < 700; ++i, ++written) append(*worker, number, "k", std::to_string(written), written % 3);
      if (round % 10 == 9) {
        worker->abort();
        if (guarantee == Guarantee::exactly_once) written -= 700;
        if (guarantee == Guarantee::at_least_once) break;
        continue;
      }
      const Status status = commit(*worker, group, {at({input, 0}, round)});
      REQUIRE_MESSAGE(status.ok(), status.message());
    }
    if (guarantee == Guarantee::at_least_once) continue;
    std::size_t found = 0;
    for (log::Partition p = 0; p < 3; ++p) {
      Lines lines;
      const auto expected = static_cast<std::size_t>((written + 2 - p) / 3);
      CHECK(eventually([&] { return (lines = read_all(*log, {topic, p})).size() >= expected; }));
      found += lines.size();
      for (std::size_t i = 0; i < lines.size(); ++i)
        CHECK(lines[i].substr(lines[i].find('=') + 1) == std::to_string(3 * i + static_cast<std::size_t>(p)));
    }
    CHECK(found == static_cast<std::size_t>(written));
  }
}

TEST_CASE("kafka: an inlet writes without commits, and flush says when it is in") {
  const auto log = open();
  const std::string topic = make_topic(*log, "inlet", 2);
  const auto inlet = must(log->inlet(topic, ""));
  for (int i = 0; i < 1'000; ++i) CHECK(inlet->send(i % 2, bytes("k"), bytes(std::to_string(i)), Timestamp{1}, {}, std::nullopt).ok());
  CHECK(must(inlet->try_send(0, bytes("k"), {}, Timestamp{1}, {})));
  CHECK(inlet->flush().ok());
  CHECK(read_all(*log, {topic, 0}).size() == 501);
  CHECK(read_all(*log, {topic, 1}).size() == 500);
  CHECK(inlet->send(2, bytes("k"), bytes("v"), Timestamp{1}, {}, std::nullopt).code() == Code::invalid_argument);
  CHECK(inlet->send(0, bytes("k"), bytes(std::string(2'000'000, 'x')), Timestamp{1}, {}, std::nullopt).code() == Code::invalid_argument);
  CHECK(inlet->flush().ok());
  CHECK(log->inlet(topic, "feeder").status().code() == Code::failed_precondition);
  CHECK(log->inlet(unique("none"), "").status().code() == Code::not_found);
  inlet->close();
  CHECK(inlet->send(0, bytes("k"), bytes("v"), Timestamp{1}, {}, std::nullopt).code() == Code::cancelled);
}

TEST_CASE("kafka: an inlet whose handle has lost count goes on with another, and sends again what was not acknowledged") {
  const auto log = open();
  const std::string topic = make_topic(*log, "broken", 2);
  Cluster cluster{options()};
  const auto producer = must(InletProducer::connect(cluster));
  TopicInfo info{.state = {.name = topic, .partitions = 2}, .max_message_bytes = {}};
  const auto inlet = must(producer->inlet(info));
  Bytes headers;
  Headers::append(headers, {"h", bytes("x")});
  const auto send = [&](int number) {
    return inlet->send(number % 2, number % 3 == 0 ? BytesView{} : bytes("k"), bytes(std::to_string(number)), Timestamp{1'000 + number},
                       headers, std::nullopt);
  };
  for (int i = 0; i < 2'000; ++i) {
    if (i % 700 == 600)
      CHECK(rd_kafka_test_fatal_error(producer->handle(), RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "a test") ==
            RD_KAFKA_RESP_ERR_NO_ERROR);
    CHECK(send(i).ok());
    if (i % 700 == 650) CHECK(inlet->flush().ok());
  }
  CHECK(inlet->flush().ok());
  std::map<std::string, std::string> found;
  for (log::Partition p = 0; p < 2; ++p) {
    const auto reader = must(log->reader({topic, p}, 0, nullptr));
    const log::Offset end = must(log->bounds({topic, p})).end;
    CHECK(within(20, [&] {
      must(reader->poll(1'000, [&](std::span<const RawMessage> run) {
        for (const auto& m : run) {
          CHECK(m.headers.size() == headers.size());
          found[text(m.value)] = std::to_string(m.timestamp.milliseconds()) + (m.key.data() == nullptr ? "" : text(m.key));
        }
        return run.size();
      }));
      return reader->position() >= end;
    }));
  }
  CHECK(found.size() == 2'000);
  for (int i = 0; i < 2'000; ++i) CHECK(found[std::to_string(i)] == std::to_string(1'000 + i) + (i % 3 == 0 ? "" : "k"));
}

TEST_CASE("kafka: what a topic takes is known before anything is written") {
  const auto log = open();
  const std::string ours = make_topic(*log, "ours"), narrow = unique("narrow");
  const std::string create = std::string{::getenv("KLAMM_TOPICS")} + " --create --topic " + narrow +
                             " --config max.message.bytes=5000 --config message.timestamp.before.max.ms=60000 >/dev/null";
  REQUIRE(::system(create.c_str()) == 0);
  const auto worker = producer(*log);
  const auto of_ours = worker->limits(must(worker->topic(ours))), of_narrow = worker->limits(must(worker->topic(narrow)));
  CHECK(of_ours.bytes > 900'000);
  CHECK(of_ours.before_ms == INT64_MAX);
  CHECK(of_narrow.bytes < 5'000);
  CHECK(of_narrow.bytes > 4'800);
  CHECK(of_narrow.before_ms == 60'000);
  CHECK(of_narrow.after_ms == 3'600'000);
}

TEST_CASE("kafka: an inlet that is full says so, and lets wait whoever wants to") {
  KafkaOptions with = options();
  with.inlet_bytes = 10'000;
  with.producer = {{"linger.ms", "200"}};
  const auto log = open(with);
  const std::string topic = make_topic(*log, "full");
  const auto inlet = must(log->inlet(topic, ""));
  const std::string value(1'000, 'x');
  int sent = 0;
  while (must(inlet->try_send(0, {}, bytes(value), Timestamp{1}, {}))) ++sent;
  CHECK(sent == 10);
  CHECK(inlet->send(0, {}, bytes(value), Timestamp{1}, {}, std::nullopt).ok());  // waits for room
  CHECK(inlet->flush().ok());
  CHECK(read_all(*log, {topic, 0}).size() == 11);
}

}  // namespace klamm::rdkafka::test
