#include <stdexcept>

#include "support.hpp"

using namespace klamm::testing;
using klamm::at;

namespace {

std::string refuse_bad(const std::string& v) {
  if (v == "bad") throw std::runtime_error{"bad"};
  return v;
}

}  // namespace

TEST_CASE("a topic's error policy goes before the application's, for what is read from it") {
  klamm::Topology t{"app"};
  t.stream(in.on_error(klamm::dead_letter("dead"))).map(refuse_bad).to(out);
  t.stream(other).map(refuse_bad).to(Text{"out-2"});
  klamm::TestDriver d{t};
  auto written = d.output(out), dead = d.output(Text{"dead"});
  CHECK(d.input(in).send("k", "bad").ok());
  CHECK(d.input(in).send("k", "good").ok());
  CHECK(take(written) == "k=good");
  CHECK(take(dead) == "k=bad");
  const klamm::Status failed = d.input(other).send("k", "bad");  // the application's own policy: fail
  CHECK(failed.code() == klamm::Code::failed_record);
  CHECK(failed.message().find("topic \"other\" partition 0 offset 0") == 0);
}

TEST_CASE("a sink's error policy goes before that of the topic in which the record began") {
  klamm::Topology t{"app"};
  t.stream(in.on_error(klamm::skip())).to(out.serde(Discreet{}, Discreet{}).on_error(klamm::fail()));
  klamm::TestDriver d{t};
  CHECK(d.input(in).send("k", "good").ok());
  CHECK(d.input(in).send("k", "secret").code() == klamm::Code::failed_record);

  klamm::Topology u{"app"};
  u.stream(in).to(out.serde(Discreet{}, Discreet{}).on_error(klamm::skip()));
  klamm::TestDriver e{u};
  CHECK(e.input(in).send("k", "secret").ok());
  CHECK(e.counters().skipped == 1);
}

TEST_CASE("a topic has one error policy and one start, whoever uses it") {
  klamm::Topology t{"app"};
  t.stream(in.on_error(klamm::skip())).to(out);
  t.stream(in.on_error(klamm::fail()).start_at(klamm::Start::latest)).to(Text{"out-2"});
  t.stream(in.start_at(klamm::Start::earliest)).to(Text{"out-3"});
  const auto problems = t.check();
  REQUIRE(problems.size() == 2);
  CHECK(problems[0].message.find("topic \"in\": has one on_error here and another at ") == 0);
  CHECK(problems[1].message.find("topic \"in\": has one start_at here and another at ") == 0);
}

TEST_CASE("a table, and what goes through a topic, need all records from the earliest") {
  klamm::Topology t{"app"};
  t.table(in.start_at(klamm::Start::latest)).to(out);
  t.stream(other).group_by_key().through(Text{"way"}.start_at(klamm::Start::latest)).count("n");
  const auto problems = t.check();
  REQUIRE(problems.size() == 2);
  CHECK(problems[0].message.find("topic \"in\" starts at the latest record, and a table needs all of them") != std::string::npos);
  CHECK(problems[1].message.find("topic \"way\" starts at the latest record, and what goes through a topic needs all") !=
        std::string::npos);
}

TEST_CASE("a record too far ahead of the clock is one that can't be decoded") {
  klamm::Topology t{"app"};
  t.stream(in.reject_future(klamm::Duration{1000}).on_error(klamm::skip())).to(out);
  klamm::TestDriver d{t, {.start = klamm::Timestamp{50'000}}};
  auto input = d.input(in);
  auto written = d.output(out);
  CHECK(input.send("k", "now", at(klamm::Timestamp{50'000})).ok());
  CHECK(input.send("k", "edge", at(klamm::Timestamp{51'000})).ok());
  CHECK(input.send("k", "ahead", at(klamm::Timestamp{51'001})).ok());
  CHECK(take(written) == "k=now k=edge");
  CHECK(d.counters().skipped == 1);
  d.advance_wall_clock(klamm::Duration{1});
  CHECK(input.send("k", "in time", at(klamm::Timestamp{51'001})).ok());
  CHECK(take(written) == "k=in time");

  klamm::Topology wrong{"app"};
  wrong.stream(in.reject_future(klamm::Duration{-1})).to(out);
  REQUIRE(wrong.check().size() == 1);
  CHECK(wrong.check()[0].message.find("topic \"in\": reject_future is negative") == 0);
}
