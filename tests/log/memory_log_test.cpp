#include <atomic>
#include <set>

#include "log/faulty_log.hpp"
#include "support.hpp"

namespace klamm::log {
namespace {

using test::bytes, test::commit, test::Lines, test::read_all;

TEST_CASE("a log in memory lets go of what is committed, and holds back who sends too much") {
  auto log = memory_log({.retention = MemoryOptions::Retention::until_committed, .inlet_bytes = 1'000});
  const TopicState topics[] = {{"in", 1, Cleanup::keep}, {"table", 1, Cleanup::compact}};
  REQUIRE(log->create(topics).ok());
  struct Nobody final : GroupListener {
    void assigned(std::span<const TopicPartition>) override {}
    void revoked(std::span<const TopicPartition>) override {}
    void lost(std::span<const TopicPartition>) override {}
  } nobody;
  auto inlet = *log->inlet("in", "");
  const std::string value(300, 'x');
  for (int i = 0; i < 10; ++i) CHECK(inlet->try_send(0, {}, bytes(value), {}, {}) == true);  // nobody reads: waiting would never end
  auto member = *log->join("g", {"in"}, nobody);
  CHECK(inlet->try_send(0, {}, bytes(value), {}, {}) == false);
  std::atomic<bool> sent = false;
  std::thread blocked{[&] { sent = inlet->send(0, {}, bytes(value), {}, {}, {}).ok(); }};
  auto producer = *log->producer("p", klamm::Guarantee::exactly_once, nullptr);
  CHECK(read_all(*log, {"in", 0}).size() == 10);
  CHECK_FALSE(sent);
  REQUIRE(commit(*producer, {{{"in", 0}, {10, ""}}}).ok());
  blocked.join();
  CHECK(sent);
  CHECK((*log->bounds({"in", 0})).begin == 10);
  CHECK(read_all(*log, {"in", 0}).size() == 1);
}

TEST_CASE("a commit that is made to abort leaves no trace, nor does what was appended behind it") {
  auto inner = memory_log();
  auto log = faulty_log(*inner, [](std::uint64_t number) -> std::optional<Status> {
    if (number == 2) return Status{Code::aborted, "on purpose"};
    if (number == 4) return Status{Code::internal, "for good"};
    return {};
  });
  const TopicState topic{"t", 1, Cleanup::keep};
  REQUIRE(log->create({&topic, 1}).ok());
  int woken = 0;
  auto producer = *log->producer("p", klamm::Guarantee::exactly_once, [&] { ++woken; });
  const auto number = *producer->topic("t");
  const auto put = [&](std::string_view value) { producer->append(number, 0, {}, bytes(value), {}, {}); };
  put("1");
  CHECK(commit(*producer).ok());
  put("2");
  test::begin_commit(*producer, {{{"t", 0}, {1, ""}}}, {{"f", 1}});
  put("with the aborted one");
  CHECK(test::outcome(*producer).code() == Code::aborted);
  const TopicPartition tp{"t", 0};
  CHECK_FALSE((*log->committed("group", {&tp, 1}))[0].has_value());
  CHECK_FALSE((*log->feed_position("f")).has_value());
  put("3");
  CHECK(commit(*producer).ok());
  CHECK(commit(*producer).code() == Code::internal);
  CHECK(woken == 4);
  CHECK(read_all(*log, tp) == Lines{"0 null=1", "1 null=3"});
}

struct Recorder final : GroupListener {
  std::string told;
  std::set<TopicPartition> has;
  void assigned(std::span<const TopicPartition> partitions) override {
    told += '+' + std::to_string(partitions.size());
    has.insert(partitions.begin(), partitions.end());
  }
  void revoked(std::span<const TopicPartition> partitions) override { gone('-', partitions); }
  void lost(std::span<const TopicPartition> partitions) override { gone('!', partitions); }
  void gone(char how, std::span<const TopicPartition> partitions) {
    told += how + std::to_string(partitions.size());
    for (const auto& tp : partitions) has.erase(tp);
  }
};

TEST_CASE("partitions move between the members of a group one by one, and a member that is out can't commit") {
  ports::ManualClock clock;
  MemoryOptions options;
  options.clock = &clock;
  options.session = Duration{1'000};
  auto log = memory_log(options);
  const TopicState topic{"t", 6, Cleanup::keep};
  REQUIRE(log->create({&topic, 1}).ok());
  std::unique_ptr<Log> clients[3];
  Recorder seen[3];
  std::unique_ptr<Member> members[3];
  std::unique_ptr<Producer> producers[3];
  const auto join = [&](std::size_t i) {
    clients[i] = memory_client(*log);
    producers[i] = *clients[i]->producer("p", klamm::Guarantee::exactly_once, nullptr);
    members[i] = *clients[i]->join("g", {"t"}, seen[i]);
  };
  const auto poll = [&](std::initializer_list<std::size_t> who) {
    for (int round = 0; round < 3; ++round) {
      for (const std::size_t i : who) REQUIRE(members[i]->poll().ok());
    }
  };
  const auto commit_of = [&](std::size_t i, TopicPartition tp) {
    producers[i]->prepare();
    REQUIRE(producers[i]->prepared()->status.ok());
    producers[i]->commit("g", {{std::move(tp), {1, ""}}}, {});
    return test::outcome(*producers[i]).code();
  };
  join(0);
  poll({0});
  CHECK(seen[0].told == "+6");
  join(1);
  REQUIRE(members[1]->poll().ok());
  CHECK(seen[1].told == "+0");  // the other one has all as yet
  poll({0, 1});
  CHECK(seen[0].told == "+6-3");
  CHECK(seen[1].has.size() == 3);
  join(2);
  poll({0, 1, 2});
  CHECK((seen[0].has.size() == 2 && seen[1].has.size() == 2 && seen[2].has.size() == 2));

  const TopicPartition frozen = *seen[1].has.begin();
  CHECK(commit_of(1, frozen) == Code::ok);
  CHECK(commit_of(0, frozen) == Code::aborted);  // another member's
  clock.advance(Duration{900});
  poll({0, 2});
  clock.advance(Duration{200});
  CHECK(commit_of(1, frozen) == Code::aborted);  // out
  poll({0, 2});
  CHECK(seen[0].has.size() + seen[2].has.size() == 6);
  seen[1].told.clear();
  poll({1, 0, 2, 1});
  CHECK(seen[1].told.substr(0, 2) == "!2");
  CHECK(seen[1].has.size() == 2);

  members[0].reset();
  poll({1, 2});
  CHECK((seen[1].has.size() == 3 && seen[2].has.size() == 3));
}

TEST_CASE("a feeder's name is one inlet's at a time") {
  auto log = memory_log();
  const TopicState topic{"t", 1, Cleanup::keep};
  REQUIRE(log->create({&topic, 1}).ok());
  auto first = log->inlet("t", "file");
  REQUIRE(first.ok());
  CHECK(log->inlet("t", "file").status().code() == Code::failed_precondition);
  CHECK(log->inlet("t", "other").ok());
  CHECK(log->inlet("t", "").ok());
  CHECK(log->inlet("t", "").ok());
  first->reset();
  CHECK(log->inlet("t", "file").ok());
}

}  // namespace
}  // namespace klamm::log
