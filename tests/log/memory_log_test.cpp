#include <atomic>

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

}  // namespace
}  // namespace klamm::log
