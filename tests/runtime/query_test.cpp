// Queries of an instance that has only some of the partitions.
#include "runtime/query.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "klamm/klamm.hpp"
#include "log/embedded.hpp"
#include "log/partitioner.hpp"

namespace {

using klamm::Code;
using klamm::Status;
using namespace klamm::log;

const klamm::Topic<std::string, std::int64_t> in{"in"};

/// A log whose group has another member, which has partition 0 of everything.
class SharedLog final : public Log {
 public:
  explicit SharedLog(Log& log) : log_{log} {}
  [[nodiscard]] std::string where() const override { return log_.where(); }
  klamm::Result<std::optional<TopicState>> topic(const std::string& name) override { return log_.topic(name); }
  Status create(std::span<const TopicState> topics) override { return log_.create(topics); }
  Status remove(std::span<const std::string> topics) override { return log_.remove(topics); }
  klamm::Result<Bounds> bounds(const TopicPartition& tp) override { return log_.bounds(tp); }
  Status purge(const TopicPartition& tp, Offset before) override { return log_.purge(tp, before); }
  void restored_from(const TopicPartition& tp, Offset from) override { log_.restored_from(tp, from); }
  klamm::Result<std::unique_ptr<Reader>> reader(const TopicPartition& tp, Offset from, std::function<void()> wake) override {
    return log_.reader(tp, from, std::move(wake));
  }
  klamm::Result<std::unique_ptr<Producer>> producer(const std::string& name, klamm::Guarantee guarantee,
                                                    std::function<void()> wake) override {
    return log_.producer(name, guarantee, std::move(wake));
  }
  klamm::Result<std::unique_ptr<Inlet>> inlet(const std::string& topic, const std::string& feeder) override {
    return log_.inlet(topic, feeder);
  }
  klamm::Result<std::optional<std::int64_t>> feed_position(const std::string& feeder) override { return log_.feed_position(feeder); }
  klamm::Result<std::unique_ptr<Member>> join(const std::string& group, std::vector<std::string> topics, GroupListener& listener) override {
    others_.listener = &listener;
    return log_.join(group, std::move(topics), others_);
  }
  klamm::Result<std::vector<std::optional<Committed>>> committed(const std::string& group,
                                                                 std::span<const TopicPartition> partitions) override {
    return log_.committed(group, partitions);
  }
  Status forget(const std::string& group) override { return log_.forget(group); }
  Status reset(const std::string& group, std::span<const std::string> topics) override { return log_.reset(group, topics); }

 private:
  struct Others final : GroupListener {
    void assigned(std::span<const TopicPartition> partitions) override {
      std::vector<TopicPartition> ours;
      for (const auto& tp : partitions) {
        if (tp.partition != 0) ours.push_back(tp);
      }
      listener->assigned(ours);
    }
    void revoked(std::span<const TopicPartition> partitions) override { listener->revoked(partitions); }
    void lost(std::span<const TopicPartition> partitions) override { listener->lost(partitions); }
    GroupListener* listener = nullptr;
  };
  Log& log_;
  Others others_;
};

klamm::Bytes encoded(std::int64_t key) {
  klamm::Bytes bytes;
  klamm::serde<std::int64_t>::encode(key, bytes);
  return bytes;
}

}  // namespace

TEST_CASE("where a key is kept is told by the key only behind klamm's own repartition topics") {
  klamm::Topology t{"placed"};
  t.stream(in).group_by_key().count("direct");
  t.stream(in).group_by([](std::int64_t v) { return v; }).count("repartitioned");
  t.stream(in).group_by([](std::int64_t v) { return v; }).through(klamm::Topic<std::int64_t, std::int64_t>{"mine"}).count("through");
  CHECK(!klamm::runtime::placed_by_key(t.graph(), "direct"));
  CHECK(klamm::runtime::placed_by_key(t.graph(), "repartitioned"));
  CHECK(!klamm::runtime::placed_by_key(t.graph(), "through"));
  CHECK(!klamm::runtime::placed_by_key(t.graph(), "nowhere"));
}

TEST_CASE("a key or a table that another instance has is elsewhere, not absent") {
  klamm::Topology topology{"shared"};
  topology.stream(in).group_by([](std::int64_t v) { return v; }).count("placed");
  topology.stream(klamm::Topic<std::int64_t, std::int64_t>{"free"}).group_by_key().count("free");
  const auto memory = memory_log({});
  SharedLog shared{*memory};
  const auto background = klamm::ports::inline_executor();
  klamm::runtime::Logger logger{klamm::LogSink{}, klamm::ports::system_clock()};
  klamm::runtime::Engine engine{topology.graph(), "shared", {}, shared, klamm::ports::system_clock(), *background, logger};
  REQUIRE(engine.start(2, 3).ok());
  const auto ask = [&](const char* store) { return klamm::runtime::StoreQuery{engine, store, klamm::Duration{10'000}}; };
  CHECK(ask("placed").get(encoded(1)).status().code() == Code::unavailable);  // nothing is assigned yet
  REQUIRE(engine.coordinate().ok());
  CHECK(ask("placed").snapshots({{}}).status().code() == Code::elsewhere);
  engine.run({});
  while (engine.restoring()) std::this_thread::yield();
  int found[3] = {0, 0, 0};
  for (std::int64_t key = 0; key < 60; ++key) {
    const auto partition = partition_of(encoded(key), 3);
    const Status status = ask("placed").get(encoded(key)).status();
    CHECK(status.code() == (partition == 0 ? Code::elsewhere : Code::ok));
    // What might be in any partition might be in the other instance's.
    CHECK(ask("free").get(encoded(key)).status().code() == Code::elsewhere);
    ++found[partition];
  }
  CHECK((found[0] > 0 && found[1] > 0 && found[2] > 0));
  const Status status = ask("placed").snapshots({{}}).status();
  CHECK(status.message().find("partition 0 is not assigned to this instance of application \"shared\"") != std::string::npos);
  engine.request_stop();
  engine.join_threads();
  for (std::int64_t key = 0; key < 10; ++key) {
    if (partition_of(encoded(key), 3) != 0) CHECK(ask("placed").get(encoded(key)).status().code() == Code::unavailable);
  }
}
