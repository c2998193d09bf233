// Applications on Kafka as far as no broker is needed; tests/kafka has the rest.
#include <doctest/doctest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "klamm/klamm.hpp"
#include "support/temporary_directory.hpp"

using namespace std::chrono_literals;

namespace {

constexpr const char* nobody = "127.0.0.1:1";  // refuses connections

void quiet(klamm::Level, std::string_view, std::string_view, std::span<const klamm::Field>) {}

klamm::Topology counted() {
  klamm::Topology topology{"counted"};
  topology.stream(klamm::Topic<std::string, std::int64_t>{"in"}).group_by_key().count("n");
  return topology;
}

std::string start(klamm::KafkaOptions options, const std::string& state, const char* brokers = nobody) {
  options.request_timeout = 100ms;
  const klamm::Topology topology = counted();
  klamm::App app{topology, {.log = klamm::kafka(brokers, options), .state_dir = state, .log_sink = quiet}};
  const klamm::Status status = app.start();
  return status.ok() ? "" : status.message();
}

bool says(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

std::string text_of(const std::string& file) {
  std::ifstream in{file};
  return {std::istreambuf_iterator<char>{in}, {}};
}

/// A variable of the environment, as it was before when this ends.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_{name} {
    if (const char* old = std::getenv(name)) old_ = old;
    value != nullptr ? ::setenv(name, value, 1) : ::unsetenv(name);
  }
  ~Variable() { old_ ? ::setenv(name_, old_->c_str(), 1) : ::unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* const name_;
  std::optional<std::string> old_;
};

}  // namespace

TEST_CASE("settings of librdkafka that are unknown or klamm's own are told together, each with what to do") {
  const klamm::testing::TemporaryDirectory folder;
  klamm::KafkaOptions options;
  options.consumer = {{"group.id", "other"}, {"no.such.setting", "1"}};
  options.producer = {{"linger.ms", "soon"}, {"acks", "0"}};
  const std::string message = start(options, folder.path());
  for (const char* part : {"\"group.id\"", ".application_id", "no.such.setting", "linger.ms", "\"acks\"", ".guarantee"}) {
    CAPTURE(part);
    CHECK(says(message, part));
  }
  CHECK(says(start({}, folder.path(), ""), "host:port"));
}

TEST_CASE("brokers that are away are waited for, disconnected, and stop comes back") {
  const klamm::testing::TemporaryDirectory folder;
  const klamm::Topology topology = counted();
  klamm::App app{topology, {.log = klamm::kafka(nobody), .state_dir = folder.path(), .log_sink = quiet}};
  REQUIRE(app.start().ok());
  for (int i = 0; i < 500 && app.status().state != klamm::State::disconnected; ++i) std::this_thread::sleep_for(10ms);
  CHECK(app.status().state == klamm::State::disconnected);
  const klamm::Result<bool> drained = app.drain(1ms);
  REQUIRE(drained.ok());
  CHECK(!*drained);
  const auto before = std::chrono::steady_clock::now();
  CHECK(app.stop(20s).ok());
  CHECK(std::chrono::steady_clock::now() - before < 3s);
  CHECK(app.status().state == klamm::State::stopped);
}

TEST_CASE("a state directory belongs to one application at a time, and the second is told who has it") {
  const klamm::testing::TemporaryDirectory folder;
  const klamm::Topology topology = counted();
  {
    klamm::App first{topology, {.log = klamm::kafka(nobody), .state_dir = folder.path(), .log_sink = quiet}};
    REQUIRE(first.start().ok());
    const std::string message = start({}, folder.path());
    CHECK(says(message, "is in use by"));
    CHECK(says(message, ("process " + std::to_string(::getpid())).c_str()));
    CHECK(says(message, folder.path().c_str()));
  }
  CHECK(start({}, folder.path()).empty());
}

TEST_CASE("the instance id is made once, and stays with the state directory") {
  const klamm::testing::TemporaryDirectory folder;
  const std::string file = folder.path() + "/@instance";
  CHECK(start({}, folder.path()).empty());
  const std::string id = text_of(file);
  CHECK(id.size() == 17);
  CHECK(start({}, folder.path()).empty());
  CHECK(text_of(file) == id);
  std::ofstream{file} << "damaged";
  CHECK(start({}, folder.path()).empty());
  CHECK(text_of(file).size() == 17);
  CHECK(text_of(file) != id);
}

TEST_CASE("stores are in the XDG state directory if nobody says where, and never in a place that nobody knows") {
  const klamm::testing::TemporaryDirectory folder;
  {
    const Variable xdg{"XDG_STATE_HOME", folder.path().c_str()};
    CHECK(start({}, "").empty());
    CHECK(std::filesystem::exists(folder.path() + "/klamm/counted/@instance"));
  }
  const Variable relative{"XDG_STATE_HOME", "relative"};
  {
    const Variable home{"HOME", folder.path().c_str()};
    CHECK(start({}, "").empty());
    CHECK(std::filesystem::exists(folder.path() + "/.local/state/klamm/counted/@instance"));
  }
  const Variable home{"HOME", nullptr};
  CHECK(says(start({}, ""), "AppOptions::state_dir"));
  CHECK(!std::filesystem::exists("relative"));
}
