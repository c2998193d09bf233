// What a description becomes on a log: names, partition counts, changelogs.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "klamm/klamm.hpp"
#include "log/embedded.hpp"
#include "runtime/plan.hpp"

namespace {

using klamm::log::Cleanup;

const klamm::Topic<std::string, std::int64_t> left{"left"}, right{"right"};

klamm::log::TopicState internal(const klamm::runtime::Plan& plan, const std::string& name) {
  const auto found = std::find_if(plan.internal_topics.begin(), plan.internal_topics.end(), [&](const auto& t) { return t.name == name; });
  return found == plan.internal_topics.end() ? klamm::log::TopicState{"none", 0, Cleanup::keep} : *found;
}

}  // namespace

TEST_CASE("internal topics carry the application id and the table's name, and have the partitions of what is upstream") {
  klamm::Topology topology{"app"};
  topology.stream(left.partitions(6)).group_by([](std::int64_t v) { return v; }).count("counts");
  const auto log = klamm::log::memory_log();
  const auto plan = klamm::runtime::make_plan(topology.graph(), "other-id", 2, *log);
  REQUIRE(plan.ok());
  CHECK(internal(*plan, "other-id-counts-repartition").partitions == 6);
  CHECK(internal(*plan, "other-id-counts-repartition").cleanup == Cleanup::keep);
  CHECK(internal(*plan, "other-id-counts-changelog").partitions == 6);
  CHECK(internal(*plan, "other-id-counts-changelog").cleanup == Cleanup::compact);
  CHECK(plan->subs.size() == 2);
  CHECK(plan->topic_name(plan->subs[0].inputs[0]) == "left");  // writers before readers
}

TEST_CASE("a repartition topic that meets a topic has that topic's count") {
  klamm::Topology topology{"app"};
  auto table = topology.table(right.partitions(5));
  topology.stream(left.partitions(2))
      .select_key([](std::int64_t v) { return std::to_string(v); })
      .join(table, [](std::int64_t a, std::int64_t b) { return a + b; })
      .to(klamm::Topic<std::string, std::int64_t>{"out"});
  const auto log = klamm::log::memory_log();
  const auto plan = klamm::runtime::make_plan(topology.graph(), "app", 3, *log);
  REQUIRE(plan.ok());
  const auto found = std::find_if(plan->internal_topics.begin(), plan->internal_topics.end(),
                                  [](const auto& t) { return t.name.ends_with("-repartition"); });
  REQUIRE(found != plan->internal_topics.end());
  CHECK(found->partitions == 5);
}

TEST_CASE("topics that exist keep their counts, and inputs that meet must have equal ones") {
  klamm::Topology topology{"app"};
  auto table = topology.table(right);
  topology.stream(left)
      .join(table, [](std::int64_t a, std::int64_t b) { return a + b; })
      .to(klamm::Topic<std::string, std::int64_t>{"out"});
  const auto log = klamm::log::memory_log();
  const klamm::log::TopicState known[] = {{"left", 2, Cleanup::keep}, {"right", 3, Cleanup::keep}};
  REQUIRE(log->create(known).ok());
  const auto plan = klamm::runtime::make_plan(topology.graph(), "app", 4, *log);
  CHECK(!plan.ok());
  CHECK(plan.status().message().find("left has 2") != std::string::npos);
  CHECK(plan.status().message().find("right has 3") != std::string::npos);
  CHECK(plan.status().message().find("plan_test.cpp:") != std::string::npos);
}

TEST_CASE("a topic that the program sizes differently than it is names both counts") {
  klamm::Topology topology{"app"};
  topology.stream(left.partitions(4)).for_each([](std::int64_t) {});
  const auto log = klamm::log::memory_log();
  const klamm::log::TopicState known[] = {{"left", 2, Cleanup::keep}};
  REQUIRE(log->create(known).ok());
  const auto plan = klamm::runtime::make_plan(topology.graph(), "app", 1, *log);
  CHECK(plan.status().message().find("has 2 partitions, the program says 4") != std::string::npos);
}

TEST_CASE("all problems of a description are reported together, each with its place") {
  klamm::Topology topology{"app"};
  static_cast<void>(topology.stream(left).filter([](std::int64_t) { return true; }));
  topology.stream(right).to(klamm::Topic<std::string, std::int64_t>{"not a name"});
  const auto log = klamm::log::memory_log();
  const auto plan = klamm::runtime::make_plan(topology.graph(), "app", 1, *log);
  REQUIRE(!plan.ok());
  CHECK(std::count(plan.status().message().begin(), plan.status().message().end(), '\n') == 1);
  CHECK(plan.status().message().find("nothing reads it") != std::string::npos);
  CHECK(plan.status().message().find("not a name") != std::string::npos);
}
