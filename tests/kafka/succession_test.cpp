// Whether standbys sit where partitions go: `runtime::successors` against what the group really decides.
#include "runtime/succession.hpp"

#include <algorithm>
#include <array>
#include <iostream>
#include <random>
#include <set>

#include "support.hpp"

namespace klamm::rdkafka::test {
namespace {

class Listener final : public log::GroupListener {
 public:
  void assigned(std::span<const TopicPartition> partitions) override {
    mine.insert(partitions.begin(), partitions.end());
    told = true;
  }
  void revoked(std::span<const TopicPartition> partitions) override { lost(partitions); }
  void lost(std::span<const TopicPartition> partitions) override {
    for (const auto& tp : partitions) mine.erase(tp);
  }
  std::set<TopicPartition> mine;
  bool told = false;
};

/// A group whose members fail one after the other. A member that fails says no farewell: it is out when its session ends.
class Group {
 public:
  static constexpr std::size_t members = 6;

  Group(log::Log& admin, std::vector<std::unique_ptr<log::Log>>& processes, std::mt19937& random) : processes_{processes}, random_{random} {
    for (std::size_t i = 0, n = 2 + random() % 5; i < n; ++i) {
      const auto count = static_cast<log::Partition>(1 + random() % 5);
      topics_.push_back(make_topic(admin, "succession", count));
      partitions_ += static_cast<std::size_t>(count);
    }
    std::shuffle(topics_.begin(), topics_.end(), random);  // in no order of names
  }

  void start() {
    name_ = unique("group");
    for (std::size_t i = 0; i < members; ++i) {
      seats_[i].listener = {};
      seats_[i].member = must(processes_[i]->join(name_, topics_, seats_[i].listener));
    }
  }
  void poll() {
    for (Seat& seat : seats_) {
      if (seat.member != nullptr) CHECK(seat.member->poll().ok());
    }
  }
  /// Whether all have joined, each partition has an owner, and each member as many as the others, give or take one.
  [[nodiscard]] bool at_rest() const {
    std::size_t sum = 0, least = SIZE_MAX, most = 0;
    for (const Seat& seat : seats_) {
      if (seat.member == nullptr) continue;
      if (!seat.listener.told) return false;
      sum += seat.listener.mine.size();
      least = std::min(least, seat.listener.mine.size());
      most = std::max(most, seat.listener.mine.size());
    }
    return sum == partitions_ && most - least <= 1;
  }
  /// Lets a member fail that has partitions, and says who it was.
  void fail() {
    auto& living = living_;
    living.clear();
    for (std::size_t i = 0; i < members; ++i) {
      if (seats_[i].member != nullptr) living.push_back(i);
    }
    // What the members see is the group's own description.
    const auto seen = must(processes_[living.front()]->describe(name_));
    REQUIRE(seen.members.size() == living.size());
    CHECK(std::count_if(seen.members.begin(), seen.members.end(), [](const auto& m) { return m.self; }) == 1);
    expected_ = runtime::successors(seen, 2);
    std::size_t failing = living[random_() % living.size()];
    while (seats_[failing].listener.mine.empty()) failing = living[random_() % living.size()];
    for (const std::size_t i : living) {
      for (const auto& member : must(processes_[i]->describe(name_)).members) {
        if (member.self) ids_[i] = member.id;
      }
    }
    orphans_ = seats_[failing].listener.mine;
    seats_[failing].member.reset();
    seats_[failing].listener = {};
  }
  /// How many of the orphans have the owner that was expected.
  [[nodiscard]] std::size_t hits() const {
    std::size_t hits = 0;
    for (const auto& tp : orphans_) {
      for (std::size_t i = 0; i < members; ++i) {
        if (seats_[i].listener.mine.contains(tp)) hits += expected_.at(tp).front() == ids_[i] ? 1 : 0;
      }
    }
    return hits;
  }
  [[nodiscard]] std::size_t orphans() const { return orphans_.size(); }
  void end() {
    for (Seat& seat : seats_) seat.member.reset();
  }

 private:
  struct Seat {
    Listener listener;
    std::unique_ptr<log::Member> member;
  };

  std::vector<std::unique_ptr<log::Log>>& processes_;
  std::mt19937& random_;
  std::vector<std::string> topics_;
  std::size_t partitions_ = 0;
  std::string name_;
  std::array<Seat, members> seats_;
  std::vector<std::size_t> living_;
  std::array<std::string, members> ids_;
  runtime::Successors expected_;
  std::set<TopicPartition> orphans_;
};

}  // namespace

TEST_CASE("kafka: partitions of members that fail go where they are expected") {
  constexpr int groups = 10, rounds = 2;
  constexpr std::size_t failures = Group::members - 1;
  std::mt19937 random{20'261};
  std::vector<std::unique_ptr<log::Log>> processes;
  for (std::size_t i = 0; i < Group::members; ++i) {
    KafkaOptions with = options();
    with.group_instance_id = "process-" + std::to_string(i);  // of a static member nobody hears a farewell
    with.session_timeout = Duration{1'500};
    with.heartbeat_interval = Duration{200};
    processes.push_back(open(with));
  }
  std::vector<std::unique_ptr<Group>> all;
  for (int i = 0; i < groups; ++i) all.push_back(std::make_unique<Group>(*processes.front(), processes, random));
  const auto rest = [&] {
    return within(60, [&] {
      for (const auto& group : all) group->poll();
      return std::all_of(all.begin(), all.end(), [](const auto& group) { return group->at_rest(); });
    });
  };
  std::size_t orphans = 0, hits = 0, whole = 0;
  for (int round = 0; round < rounds; ++round) {
    for (const auto& group : all) group->start();
    REQUIRE(rest());
    for (std::size_t i = 0; i < failures; ++i) {
      for (const auto& group : all) group->fail();
      REQUIRE(rest());
      for (const auto& group : all) {
        orphans += group->orphans();
        hits += group->hits();
        whole += group->hits() == group->orphans() ? 1 : 0;
      }
    }
    for (const auto& group : all) group->end();
  }
  std::cout << "succession: " << hits << " of " << orphans << " partitions went where they were expected; all of them in " << whole
            << " of " << groups * rounds * static_cast<int>(failures) << " failures\n";
  CHECK(100 * hits >= 95 * orphans);
}

}  // namespace klamm::rdkafka::test
