#include <google/protobuf/api.pb.h>
#include <google/protobuf/stubs/logging.h>

#include "klamm/serde/json.hpp"
#include "klamm/serde/protobuf.hpp"
#include "klamm/testing/check_serde.hpp"
#include "support.hpp"

using namespace klamm::testing;
using google::protobuf::Method;

namespace {

Method method(const std::string& name, bool streaming) {
  Method result;
  result.set_name(name);
  result.set_request_streaming(streaming);
  return result;
}

}  // namespace

TEST_CASE("messages are read and written as JSON where the topic says so, and stores have protobuf's own bytes") {
  const auto methods = klamm::Topic<std::string, Method>{"methods"}.serde(klamm::serde<std::string>{}, klamm::json<Method>());
  klamm::Topology t{"app"};
  t.table(methods)
      .upserts()
      .mutate([](Method& m) { m.set_name(m.name() + "!"); })
      .to(klamm::Topic<std::string, Method>{"loud"}.serde(klamm::serde<std::string>{}, klamm::json<Method>()));
  klamm::TestDriver d{t, {.on_error = klamm::skip()}};
  auto in = d.input(Text{"methods"});
  auto out = d.output(Text{"loud"});
  CHECK(in.send("a", R"({"name": "get", "requestStreaming": true, "ofANewerWriter": [1]})").ok());
  CHECK(in.send("b", R"({"name": "put")").ok());
  CHECK(in.send("c", "").ok());
  CHECK(take(out) == R"(a={"name":"get!","requestStreaming":true})");
  CHECK(d.counters().skipped == 2);
  const auto kept = d.table<std::string, Method>("methods").get("a");
  REQUIRE(kept.has_value());
  CHECK(kept->name() == "get");
  CHECK(kept->request_streaming());
}

TEST_CASE("serdes of messages overwrite all that was in the slot") {
  const google::protobuf::LogSilencer silent;  // it writes of each damaged input
  const std::vector<Method> samples{Method{}, method("get", true), method("a longer name than fits inside a string", false)};
  CHECK(check_serde<Method>(klamm::json<Method>(), samples).empty());
  CHECK(check_serde<Method>(samples).empty());
}
