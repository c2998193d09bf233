#include "kafka/config.hpp"
#include "kafka/metadata.hpp"
#include "support.hpp"

namespace klamm::rdkafka::test {
namespace {

log::Committed committed(log::Log& log, const std::string& group, const TopicPartition& tp) {
  Result<std::vector<std::optional<log::Committed>>> found = log.committed(group, std::span{&tp, 1});
  CHECK(within(20, [&] { return (found = log.committed(group, std::span{&tp, 1})).ok(); }));
  const auto all = must(std::move(found));
  REQUIRE(all[0].has_value());
  return *all[0];
}

std::string mark_of(std::size_t size) {
  std::string mark(size, '\0');
  for (std::size_t i = 0; i < size; ++i) mark[i] = static_cast<char>(i * 31 + i / 256);
  return mark;
}

}  // namespace

TEST_CASE("kafka: marks of any size come back as they were, under both guarantees") {
  KafkaOptions with = options();
  with.application_id = unique("app");
  const auto log = open(with);
  const std::string input = make_topic(*log, "in", 2), group = unique("group");
  const TopicPartition zero{input, 0}, one{input, 1};
  for (const auto guarantee : {Guarantee::exactly_once, Guarantee::at_least_once}) {
    const auto worker = must(log->producer(unique("p"), guarantee, nullptr));
    log::Offset offset = 0;
    for (const std::size_t size : {0u, 1u, 3'000u, 3'072u, 3'073u, 50'000u, 3u}) {
      ++offset;
      const Status status = commit(*worker, group, {{zero, {offset, mark_of(size)}}, {one, {offset, mark_of(size / 2)}}});
      REQUIRE_MESSAGE(status.ok(), status.message());
      CHECK(committed(*log, group, zero).offset == offset);
      CHECK(committed(*log, group, zero).metadata == mark_of(size));
      CHECK(committed(*log, group, one).metadata == mark_of(size / 2));
    }
  }
  // Another process finds them too.
  with.instance = "another";
  const auto worker = must(log->producer(unique("p"), Guarantee::exactly_once, nullptr));
  REQUIRE(commit(*worker, group, {{zero, {9, mark_of(20'000)}}}).ok());
  CHECK(committed(*open(with), group, zero).metadata == mark_of(20'000));
  CHECK(must(log->topic(with.application_id + "-marks"))->cleanup == log::Cleanup::compact);
  CHECK(log->reset(group, {}).ok());
  CHECK_FALSE(must(log->topic(with.application_id + "-marks")).has_value());
}

TEST_CASE("kafka: what a dead process has left open is ended long before its time is out") {
  KafkaOptions dead = options(), alive = options();
  dead.instance = "dead";
  dead.transaction_timeout = Duration{60'000};
  alive.instance = "alive";
  const auto log = open(alive);
  const std::string input = make_topic(*log, "in"), output = make_topic(*log, "out"), group = unique("group"), name = unique("p");
  const TopicPartition tp{input, 0};
  {
    const auto before = open(dead);
    const auto worker = must(before->producer(name, Guarantee::exactly_once, nullptr));
    REQUIRE(commit(*worker, group, {{tp, {5, "mark"}}}).ok());
  }
  // It comes back, and dies with its offsets sent and the transaction open.
  Cluster cluster{dead};
  Callbacks callbacks{cluster};
  const Handle handle = must(make_handle(Kind::transactional, cluster, callbacks, name + "-dead"));
  REQUIRE(failure_of(rd_kafka_init_transactions(handle.get(), 10'000)).ok());
  REQUIRE(failure_of(rd_kafka_begin_transaction(handle.get())).ok());
  const PartitionList list{rd_kafka_topic_partition_list_new(1)};
  rd_kafka_topic_partition_list_add(list.get(), input.c_str(), 0)->offset = 6;
  const GroupMetadata nobody{rd_kafka_consumer_group_metadata_new(group.c_str())};
  REQUIRE(failure_of(rd_kafka_send_offsets_to_transaction(handle.get(), list.get(), nobody.get(), 10'000)).ok());

  CHECK(log->committed(group, std::span{&tp, 1}).status().code() == Code::unavailable);
  const auto start = std::chrono::steady_clock::now();
  CHECK(committed(*log, group, tp).offset == 5);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds{10});
}

TEST_CASE("kafka: a mark and who has written it stand beside an offset as text") {
  struct Case {
    OffsetMetadata metadata;
    std::string text;
  };
  const Case cases[] = {
      {{.mark = "", .far = {}, .signature = {}}, ""},
      {{.mark = std::string{"\0\xff", 2}, .far = {}, .signature = {}}, "AP8="},
      {{.mark = "", .far = 42, .signature = {}}, "@42"},
      {{.mark = "m", .far = {}, .signature = {"i7", {"app.x-worker-0", "app.x-worker-1"}}}, "bQ==.i7,app.x-worker-0,app.x-worker-1"}};
  for (const auto& [metadata, text] : cases) {
    CHECK(metadata.encode(4'096) == text);
    const auto back = OffsetMetadata::decode(text);
    REQUIRE(back.has_value());
    CHECK(back->mark == metadata.mark);
    CHECK(back->far == metadata.far);
    CHECK(back->signature.instance == metadata.signature.instance);
    CHECK(back->signature.producers == metadata.signature.producers);
  }
  CHECK(cases[3].metadata.encode(10) == "bQ==");  // who wrote it is good to know, the mark is needed
  CHECK_FALSE(cases[3].metadata.encode(3).has_value());
  for (const char* foreign : {"hello", "@", "@-1", "@1x", "a b"}) CHECK_FALSE(OffsetMetadata::decode(foreign).has_value());
}

}  // namespace klamm::rdkafka::test
