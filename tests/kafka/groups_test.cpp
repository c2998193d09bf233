#include <set>

#include "support.hpp"

namespace klamm::rdkafka::test {
namespace {

// A member that notes what it is told.
class Listener final : public log::GroupListener {
 public:
  void assigned(std::span<const TopicPartition> partitions) override {
    for (const auto& tp : partitions) CHECK_MESSAGE(mine.insert(tp).second, to_string(tp), " was assigned twice");
    ++calls;
    ++assignments;
  }
  void revoked(std::span<const TopicPartition> partitions) override {
    if (on_revoked) on_revoked(partitions);
    drop(partitions);
  }
  void lost(std::span<const TopicPartition> partitions) override {
    drop(partitions);
    ++losses;
  }

  std::set<TopicPartition> mine;
  std::function<void(std::span<const TopicPartition>)> on_revoked;
  int calls = 0, assignments = 0, losses = 0;

 private:
  void drop(std::span<const TopicPartition> partitions) {
    for (const auto& tp : partitions) CHECK_MESSAGE(mine.erase(tp) == 1, to_string(tp), " was taken and not ours");
    ++calls;
  }
};

// One process of the application.
struct Process {
  Process(const std::string& group, const std::vector<std::string>& topics, KafkaOptions with = options())
      : log{open(std::move(with))}, member{must(log->join(group, topics, listener))} {}
  void poll() {
    if (member == nullptr) return;
    const Status status = member->poll();
    CHECK_MESSAGE(status.ok(), status.message());
  }

  Listener listener;
  std::unique_ptr<log::Log> log;
  std::unique_ptr<log::Member> member;
};

// Polls all until every partition has one owner, none two, and each process has some if it can.
bool settle(const std::vector<Process*>& processes, std::size_t partitions, int seconds = 30) {
  return within(seconds, [&] {
    std::set<TopicPartition> all;
    std::size_t sum = 0, idle = 0;
    for (Process* process : processes) {
      process->poll();
      all.insert(process->listener.mine.begin(), process->listener.mine.end());
      sum += process->listener.mine.size();
      idle += process->listener.mine.empty() ? 1 : 0;
    }
    // Between the two rounds of a rebalance a partition is nobody's, never two members'.
    CHECK_MESSAGE(all.size() == sum, "a partition has two owners");
    return sum == partitions && (idle == 0 || processes.size() > partitions);
  });
}

}  // namespace

TEST_CASE("kafka: a member alone gets all partitions, and again when it comes back") {
  const auto log = open();
  const std::string topic = make_topic(*log, "alone", 4), group = unique("group");
  for (int round = 0; round < 2; ++round) {
    Process one{group, {topic}};
    CHECK(settle({&one}, 4));
  }
}

TEST_CASE("kafka: a member that gets nothing is told so once") {
  const auto log = open();
  const std::string topic = make_topic(*log, "one", 1), group = unique("group");
  Process one{group, {topic}};
  REQUIRE(settle({&one}, 1));
  Process two{group, {topic}};
  CHECK(within(20, [&] {
    one.poll();
    two.poll();
    return two.listener.assignments != 0;
  }));
  CHECK(two.listener.mine.empty());
  CHECK(one.listener.mine.size() == 1);
  Process three{group, {topic}};  // makes them all join again
  CHECK(within(20, [&] {
    for (Process* each : {&one, &two, &three}) each->poll();
    return three.listener.assignments != 0;
  }));
  CHECK(two.listener.assignments == 1);
}

TEST_CASE("kafka: a commit of a process that is not in its group yet, or not any more, is refused") {
  const auto log = open();
  const std::string topic = make_topic(*log, "early", 1), group = unique("group");
  const TopicPartition tp{topic, 0};
  for (const auto guarantee : {Guarantee::exactly_once, Guarantee::at_least_once}) {
    Process one{group, {topic}};
    const auto worker = must(one.log->producer(unique("p"), guarantee, nullptr));
    REQUIRE(prepare(*worker).status.ok());
    // Without a member id the broker would take it from anybody.
    worker->commit(group, {{tp, {7, ""}}}, {});
    CHECK(outcome(*worker).code() == Code::aborted);
    REQUIRE(settle({&one}, 1));
    CHECK(commit(*worker, group, {{tp, {0, ""}}}).ok());
    one.member.reset();
    CHECK(commit(*worker, group, {{tp, {8, ""}}}).code() == Code::aborted);
    CHECK(eventually([&] { return log->committed(group, std::span{&tp, 1}).ok(); }));
    CHECK(must(log->committed(group, std::span{&tp, 1}))[0]->offset == 0);
  }
}

TEST_CASE("kafka: members come and go, and each partition has one owner at every moment") {
  const auto log = open();
  const std::string a = make_topic(*log, "a", 6), b = make_topic(*log, "b", 3), group = unique("group");
  const std::vector<std::string> topics{a, b};
  auto one = std::make_unique<Process>(group, topics);
  REQUIRE(settle({one.get()}, 9));
  Process two{group, topics};
  REQUIRE(settle({one.get(), &two}, 9));
  const auto kept = two.listener.mine;
  Process three{group, topics};
  REQUIRE(settle({one.get(), &two, &three}, 9));
  // Cooperative and sticky: who had partitions keeps most of them.
  for (const auto& tp : two.listener.mine) CHECK(kept.contains(tp));
  one->member.reset();
  one->listener.mine.clear();
  REQUIRE(settle({&two, &three}, 9));
  CHECK(two.listener.losses + three.listener.losses == 0);
}

TEST_CASE("kafka: a revoked partition is given on when the call returns, and commits until then count") {
  const auto log = open();
  const std::string topic = make_topic(*log, "handed", 2), group = unique("group");
  for (const auto guarantee : {Guarantee::exactly_once, Guarantee::at_least_once}) {
    const std::string own_group = group + (guarantee == Guarantee::exactly_once ? "-e" : "-a");
    Process one{own_group, {topic}};
    const auto worker = must(one.log->producer(unique("p"), guarantee, nullptr));
    REQUIRE(settle({&one}, 2));
    bool handed = false;
    Process two{own_group, {topic}};
    one.listener.on_revoked = [&](std::span<const TopicPartition> partitions) {
      std::vector<log::OffsetCommit> offsets;
      for (const auto& tp : partitions) offsets.push_back({tp, {123, "mark"}});
      const Status status = commit(*worker, own_group, offsets);
      CHECK_MESSAGE(status.ok(), status.message());
      for (const auto& tp : partitions) CHECK_FALSE(two.listener.mine.contains(tp));
      handed = true;
    };
    REQUIRE(settle({&one, &two}, 2));
    CHECK(handed);
    const std::vector<TopicPartition> moved{two.listener.mine.begin(), two.listener.mine.end()};
    REQUIRE(moved.size() == 1);
    CHECK(eventually([&] { return two.log->committed(own_group, moved).ok(); }));
    const auto committed = must(two.log->committed(own_group, moved));
    REQUIRE(committed[0].has_value());
    CHECK(committed[0]->offset == 123);
  }
}

TEST_CASE("kafka: the commits of a worker go on through joins") {
  const auto log = open();
  const std::string topic = make_topic(*log, "busy", 6), group = unique("group");
  for (const auto guarantee : {Guarantee::exactly_once, Guarantee::at_least_once}) {
    const std::string own_group = group + (guarantee == Guarantee::exactly_once ? "-e" : "-a");
    Process one{own_group, {topic}};
    const auto worker = must(one.log->producer(unique("p"), guarantee, nullptr));
    REQUIRE(settle({&one}, 6));
    std::unique_ptr<Process> two;
    int commits = 0, aborts = 0;
    bool prepared = false, committing = false;
    const auto start = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - start < std::chrono::seconds{8}) {
      const auto at = std::chrono::steady_clock::now() - start;
      if (two == nullptr && at > std::chrono::seconds{1}) two = std::make_unique<Process>(own_group, std::vector{topic});
      if (two != nullptr && at > std::chrono::seconds{5} && two->member != nullptr) two->member.reset();
      one.poll();
      if (two != nullptr) two->poll();
      if (!prepared) {
        worker->prepare();
        prepared = true;
      } else if (!committing) {
        if (const auto in = worker->prepared()) {
          REQUIRE(in->status.ok());
          std::vector<log::OffsetCommit> offsets;
          for (const auto& tp : one.listener.mine) offsets.push_back({tp, {commits, ""}});
          worker->commit(own_group, offsets, {});
          committing = true;
        }
      } else if (const auto ended = worker->poll()) {
        const bool fine = ended->status.ok() || ended->status.code() == Code::aborted;
        CHECK_MESSAGE(fine, ended->status.message());
        ended->status.ok() ? ++commits : ++aborts;
        prepared = committing = false;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
    CHECK(one.listener.losses == 0);  // librdkafka up to 2.10 gives up everything when a commit comes behind a JoinGroup
    CHECK(commits > 50);
    CHECK(aborts <= 4);  // in the gap between two generations a transaction is refused: a join has two of them, a leave up to two
    CHECK(one.listener.mine.size() == 6);
  }
}

TEST_CASE("kafka: a member that was away for longer than its session has lost its partitions, and its commits are refused") {
  const auto log = open();
  const std::string topic = make_topic(*log, "zombie", 2), group = unique("group");
  KafkaOptions with = options();
  with.session_timeout = Duration{1'000};
  with.heartbeat_interval = Duration{60'000};  // as good as frozen
  Process one{group, {topic}, with};
  const auto worker = must(one.log->producer(unique("p"), Guarantee::exactly_once, nullptr));
  REQUIRE(settle({&one}, 2));
  const std::vector<TopicPartition> mine{one.listener.mine.begin(), one.listener.mine.end()};
  Process two{group, {topic}};
  REQUIRE(within(20, [&] {
    two.poll();  // one is not polled
    return two.listener.mine.size() == 2;
  }));
  CHECK(commit(*worker, group, {{mine[0], {99, ""}}}).code() == Code::aborted);
  const auto committed = must(two.log->committed(group, mine));
  CHECK_FALSE(committed[0].has_value());
}

TEST_CASE("kafka: a member that has not heard of its group for a session writes nothing at least once") {
  const auto log = open();
  const std::string topic = make_topic(*log, "in", 1), out = make_topic(*log, "out", 1), group = unique("group");
  KafkaOptions with = options();
  with.session_timeout = Duration{1'000};
  with.heartbeat_interval = Duration{60'000};  // as good as frozen
  Process one{group, {topic}, with};
  const auto worker = must(one.log->producer(unique("p"), Guarantee::at_least_once, nullptr));
  const auto number = must(worker->topic(out));
  REQUIRE(settle({&one}, 1));
  std::this_thread::sleep_for(std::chrono::milliseconds{1'200});
  append(*worker, number, "k", "v");
  worker->prepare();
  CHECK_FALSE(within(2, [&] { return worker->prepared().has_value(); }));
  CHECK(must(log->bounds({out, 0})).end == 0);
  // It hears that it has lost everything, and what it had is taken back before it is in the group again.
  CHECK(within(10, [&] {
    one.poll();
    return one.listener.losses != 0;
  }));
  worker->abort();
  append(*worker, number, "k", "new");
  worker->prepare();
  CHECK(within(10, [&] {
    one.poll();
    return worker->prepared().has_value();
  }));
  CHECK(read_all(*log, {out, 0}) == Lines{"0 k=new"});
}

TEST_CASE("kafka: static members come back to their partitions without a rebalance") {
  const auto log = open();
  const std::string topic = make_topic(*log, "static", 4), group = unique("group");
  const auto named = [](const char* name) {
    KafkaOptions with = options();
    with.group_instance_id = name;
    return with;
  };
  auto one = std::make_unique<Process>(group, std::vector{topic}, named("one"));
  Process two{group, {topic}, named("two")};
  REQUIRE(settle({one.get(), &two}, 4));
  const auto before = one->listener.mine;
  const int calls = two.listener.calls;
  one.reset();
  one = std::make_unique<Process>(group, std::vector{topic}, named("one"));
  REQUIRE(settle({one.get(), &two}, 4));
  CHECK(one->listener.mine == before);
  CHECK(two.listener.calls == calls);
}

TEST_CASE("kafka: two processes with one group_instance_id: the older ends with a message that says so") {
  const auto log = open();
  const std::string topic = make_topic(*log, "twins", 1), group = unique("group");
  KafkaOptions with = options();
  with.group_instance_id = "twin";
  Process one{group, {topic}, with};
  REQUIRE(settle({&one}, 1));
  Process two{group, {topic}, with};
  Status status;
  CHECK(within(20, [&] {
    two.poll();
    status = one.member->poll();
    return !status.ok();
  }));
  CHECK(status.code() == Code::failed_precondition);
  CHECK(status.message().find("another process has joined as \"twin\"") != std::string::npos);
}

TEST_CASE("kafka: a group is forgotten only without members, and its topics with it") {
  const auto log = open();
  const std::string topic = make_topic(*log, "reset", 1), own = make_topic(*log, "own"), group = unique("group");
  auto one = std::make_unique<Process>(group, std::vector{topic});
  REQUIRE(settle({one.get()}, 1));
  const auto worker = must(one->log->producer(unique("p"), Guarantee::exactly_once, nullptr));
  const TopicPartition tp{topic, 0};
  REQUIRE(commit(*worker, group, {{tp, {5, "mark"}}}).ok());
  const Status busy = log->reset(group, std::span{&own, 1});
  CHECK(busy.code() == Code::failed_precondition);
  CHECK(busy.message().find("has members: stop the application everywhere") != std::string::npos);
  CHECK(must(log->topic(own)).has_value());
  one->member.reset();
  CHECK(log->reset(group, std::span{&own, 1}).ok());
  CHECK_FALSE(must(log->topic(own)).has_value());
  CHECK_FALSE(must(log->committed(group, std::span{&tp, 1}))[0].has_value());
  CHECK(log->forget(group).ok());
}

TEST_CASE("kafka: topics that are missing are named before the group is joined") {
  const auto log = open();
  Listener listener;
  const std::string there = make_topic(*log, "there"), one = unique("missing"), two = unique("missing");
  const Status status = log->join(unique("group"), {there, one, two}, listener).status();
  CHECK(status.code() == Code::not_found);
  CHECK(status.message().find("these topics do not exist: \"" + one + "\", \"" + two + '"') != std::string::npos);
}

TEST_CASE("kafka: offsets of another program are no marks of ours") {
  const auto log = open();
  const std::string topic = make_topic(*log, "foreign"), group = unique("group");
  REQUIRE(commit(*must(log->producer(unique("p"), Guarantee::exactly_once, nullptr)), group, {{{topic, 0}, {3, ""}}}).ok());
  const TopicPartition tp{topic, 0};
  CHECK(eventually([&] { return log->committed(group, std::span{&tp, 1}).ok(); }));
  CHECK(must(log->committed(group, std::span{&tp, 1}))[0]->metadata.empty());
}

}  // namespace klamm::rdkafka::test
