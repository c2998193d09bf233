// Programs that change while their data stay: what is gone on with, what is upgraded, what is refused, and in which words.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <string>
#include <thread>

#include "klamm/app.hpp"
#include "klamm/klamm.hpp"
#include "support/temporary_directory.hpp"

using namespace std::chrono_literals;
using klamm::testing::TemporaryDirectory;

namespace v1 {
struct Total {
  std::int64_t sum = 0;
  friend bool operator==(const Total&, const Total&) = default;
};
struct Sale {
  std::int64_t amount = 0;
};
}  // namespace v1

namespace v2 {
struct Total {
  std::int64_t sum = 0;
  std::int32_t sales = 0;
  friend bool operator==(const Total&, const Total&) = default;
};
struct Sale {
  std::int64_t amount = 0;
  std::string shop;
};
}  // namespace v2

namespace v3 {
struct Total {
  std::int64_t sum = 0;
  std::int32_t sales = 0;
  std::string last;
};
using v2::Sale;
}  // namespace v3

template <> struct klamm::serde<v2::Total> : klamm::aggregate_serde<v2::Total> {
  static Decoded upgrade(std::string_view old_schema, BytesView bytes, v2::Total& now) {
    if (old_schema != serde<v1::Total>::schema()) return malformed("a schema that nobody knows");
    v1::Total old;
    if (const Decoded decoded = serde<v1::Total>::decode(bytes, old); !decoded.ok()) return decoded;
    now = {old.sum, -1};
    return {};
  }
};
template <> struct klamm::serde<v2::Sale> : klamm::aggregate_serde<v2::Sale> {
  static Decoded upgrade(std::string_view, BytesView bytes, v2::Sale& now) {
    v1::Sale old;
    if (const Decoded decoded = serde<v1::Sale>::decode(bytes, old); !decoded.ok()) return decoded;
    now = {old.amount, "an old shop"};
    return {};
  }
};

namespace {

const klamm::Topic<std::string, std::int64_t> sales{"sales"};

void quiet(klamm::Level, std::string_view, std::string_view, std::span<const klamm::Field>) {}

klamm::AppOptions options(const TemporaryDirectory& directory) {
  return {.log = klamm::embedded(directory.path()), .threads = 2, .partitions = 2, .checkpoint_interval = 20ms, .log_sink = quiet};
}

template <class Total> klamm::Topology totals() {
  klamm::Topology topology{"shop"};
  topology.stream(sales).group_by_key().aggregate(klamm::table<Total>("totals").fold([](Total& total, std::int64_t amount) {
    total.sum += amount;
    if constexpr (requires { total.sales; }) ++total.sales;
  }));
  return topology;
}

/// Sends, and returns what the table has then; or why it does not start.
template <class Total>
klamm::Result<std::optional<Total>> run(const TemporaryDirectory& directory, const klamm::Topology& topology, const std::string& key,
                                        std::optional<std::int64_t> amount) {
  klamm::App app{topology, options(directory)};
  if (klamm::Status status = app.start(); !status.ok()) return status;
  const auto producer = app.producer(sales);
  if (amount) CHECK(producer.send(key, *amount).ok());
  if (const auto drained = app.drain(20s); !drained.ok()) return drained.status();
  auto found = app.query<Total>("totals").template get<std::string>(key);
  CHECK(app.stop(10s).ok());
  return found;
}
template <class Total>
klamm::Result<std::optional<Total>> run(const TemporaryDirectory& directory, const std::string& key, std::optional<std::int64_t> amount) {
  return run<Total>(directory, totals<Total>(), key, amount);
}

bool says(const klamm::Status& status, std::initializer_list<std::string> parts) {
  INFO(status.message());
  bool all = true;
  for (const std::string& part : parts) {
    all = all && status.message().find(part) != std::string::npos;
    CHECK_MESSAGE(status.message().find(part) != std::string::npos, part);
  }
  return all;
}

enum class Stores { kept, lost };

void lose(const TemporaryDirectory& directory, Stores stores) {
  if (stores == Stores::lost) std::filesystem::remove_all(directory.path() + "/stores");
}

}  // namespace

TEST_CASE("rows of an older type are upgraded, from the file and from the changelog; a type without upgrade is refused by name") {
  for (const Stores stores : {Stores::kept, Stores::lost}) {
    CAPTURE(stores == Stores::kept);
    const TemporaryDirectory directory;
    CHECK(run<v1::Total>(directory, "ink", 5) == std::optional{v1::Total{5}});
    CHECK(run<v1::Total>(directory, "pen", 7) == std::optional{v1::Total{7}});
    lose(directory, stores);
    CHECK(run<v2::Total>(directory, "ink", 1) == std::optional{v2::Total{6, 0}});    // upgraded to {5, -1}, then one more
    CHECK(run<v2::Total>(directory, "pen", {}) == std::optional{v2::Total{7, -1}});  // upgraded only
    lose(directory, stores);
    // The changelog has both types now: the mark says from where on.
    CHECK(run<v2::Total>(directory, "ink", 1) == std::optional{v2::Total{7, 1}});
    CHECK(run<v2::Total>(directory, "pen", {}) == std::optional{v2::Total{7, -1}});
    lose(directory, stores);
    CHECK(says(run<v3::Total>(directory, "ink", 1).status(), {"store \"totals\": ", "values of type \"struct{sum:int64,sales:int32}\"",
                                                              "now they are \"struct{sum:int64,sales:int32,last:string}\"",
                                                              "upgrade(old_schema, bytes, slot)", "new name", "reset the application"}));
    CHECK(run<v2::Total>(directory, "ink", {}) == std::optional{v2::Total{7, 1}});  // nothing was lost by trying
  }
}

TEST_CASE("edits without state always start, whatever they are") {
  const TemporaryDirectory directory;
  CHECK(run<v1::Total>(directory, "ink", 5) == std::optional{v1::Total{5}});
  klamm::Topology edited{"shop"};
  std::atomic<int> peeked{0};
  edited.stream(sales)
      .peek([&peeked](std::int64_t) { ++peeked; })
      .filter([](std::int64_t amount) { return amount < 100; })
      .group_by_key()
      .aggregate(klamm::table<v1::Total>("totals").fold([](v1::Total& total, std::int64_t amount) { total.sum += 2 * amount; }));
  edited.stream(klamm::Topic<std::string, std::int64_t>{"more"}).to(klamm::Topic<std::string, std::int64_t>{"copies"});
  CHECK(run<v1::Total>(directory, edited, "ink", 10) == std::optional{v1::Total{25}});
  CHECK(run<v1::Total>(directory, edited, "ink", 1000) == std::optional{v1::Total{25}});
  CHECK(peeked == 2);
}

TEST_CASE("keys of another type, and another partition count, are refused with both") {
  const TemporaryDirectory directory;
  CHECK(run<v1::Total>(directory, "ink", 5).ok());
  const auto refused = [&](const klamm::Topology& topology) {
    klamm::App app{topology, options(directory)};
    const klamm::Status started = app.start();
    return started.ok() ? app.drain(20s).status() : started;
  };
  klamm::Topology other_keys{"shop"};
  other_keys.stream(klamm::Topic<std::int64_t, std::int64_t>{"sales"})
      .group_by_key()
      .aggregate(klamm::table<v1::Total>("totals").fold([](v1::Total& total, std::int64_t amount) { total.sum += amount; }));
  for (const Stores stores : {Stores::kept, Stores::lost}) {
    lose(directory, stores);
    CHECK(says(refused(other_keys), {"store \"totals\": ", "keys of type \"string\", now they are \"int64\"", "new name"}));
  }
  klamm::Topology wider{"shop"};
  wider.stream(klamm::Topic<std::string, std::int64_t>{"wide"}.partitions(3))
      .group_by_key()
      .aggregate(klamm::table<v1::Total>("totals").fold([](v1::Total& total, std::int64_t amount) { total.sum += amount; }));
  CHECK(says(refused(wider), {"topic \"shop-totals-changelog\": has 2 partitions, not 3", "reset the application"}));
}

namespace {

template <class Sale, class Fold> klamm::Topology sums(Fold fold) {
  klamm::Topology topology{"shop"};
  topology.stream(sales)
      .map([](std::int64_t amount) {
        Sale sale;
        sale.amount = amount;
        return sale;
      })
      .group_by([](const Sale& sale) { return sale.amount % 10; })
      .aggregate(klamm::table<std::int64_t>("sums").fold(fold));
  return topology;
}
template <class Sale> klamm::Topology sums() {
  return sums<Sale>([](std::int64_t& sum, const Sale& sale) { sum += sale.amount; });
}

/// Leaves records in the repartition topic, because whoever counts them does not come back, and ends as a crash would.
template <class Sale> void leave_waiting(const TemporaryDirectory& directory, std::initializer_list<std::int64_t> amounts) {
  const pid_t child = ::fork();
  if (child != 0) {
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    REQUIRE(WEXITSTATUS(status) == 0);
    return;
  }
  const klamm::Topology topology = sums<Sale>([](std::int64_t&, const Sale&) { ::pause(); });
  klamm::AppOptions four = options(directory);
  four.threads = 4;
  klamm::App app{topology, four};
  if (!app.start().ok()) ::_exit(1);
  const auto producer = app.producer(sales);
  for (const std::int64_t amount : amounts) {
    if (!producer.send("k", amount).ok()) ::_exit(2);
  }
  if (!producer.flush().ok()) ::_exit(3);
  for (int i = 0; i < 500; ++i) {  // until their writers have committed them
    std::this_thread::sleep_for(20ms);
    const klamm::AppStatus status = app.status();
    std::int64_t waiting = 0, unread = 0;
    for (const klamm::TaskStatus& task : status.tasks) (task.sub_topology == "sales" ? unread : waiting) += task.lag;
    if (i > 10 && unread == 0 && waiting != 0) ::_exit(0);
  }
  ::_exit(4);
}

/// What the sums are after `amount` more; or why it does not run.
template <class Sale>
klamm::Result<std::vector<klamm::KeyValue<std::int64_t, std::int64_t>>> run_sums(const TemporaryDirectory& directory,
                                                                                 std::optional<std::int64_t> amount) {
  const klamm::Topology topology = sums<Sale>();
  klamm::App app{topology, options(directory)};
  if (klamm::Status status = app.start(); !status.ok()) return status;
  const auto producer = app.producer(sales);
  if (amount) CHECK(producer.send("k", *amount).ok());
  if (const auto drained = app.drain(20s); !drained.ok()) return drained.status();
  auto rows = app.query<std::int64_t>("sums").all<std::int64_t>();
  if (!rows.ok()) return rows.status();
  auto all = rows->to_vector();
  CHECK(app.stop(10s).ok());
  if (all.ok()) std::sort(all->begin(), all->end(), [](const auto& a, const auto& b) { return a.key < b.key; });
  return all;
}

struct NewSale {
  std::int64_t amount = 0;
  double discount = 0;
};

}  // namespace

TEST_CASE("records that wait in a repartition topic are upgraded, or refused by name before one of them is read") {
  const TemporaryDirectory directory;
  leave_waiting<v1::Sale>(directory, {12, 22, 42});
  CHECK(says(run_sums<NewSale>(directory, {}).status(),
             {"topic \"shop-sums-repartition\": partition ", "values of type \"struct{amount:int64}\"",
              "now they are \"struct{amount:int64,discount:double}\"", "upgrade(old_schema, bytes, slot)", "reset the application"}));
  // Once more a crash: now records of both types wait, and what was said of the first ones before the first new one was written counts.
  leave_waiting<v2::Sale>(directory, {102});
  using Sums = std::vector<klamm::KeyValue<std::int64_t, std::int64_t>>;
  const auto sums = run_sums<v2::Sale>(directory, 1002);
  REQUIRE_MESSAGE(sums.ok(), sums.status().message());
  CHECK(*sums == Sums{{2, 12 + 22 + 42 + 102 + 1002}});
  CHECK(run_sums<v2::Sale>(directory, 2) == Sums{{2, 1182}});
  // Nothing waits any more, so any type will do.
  CHECK(run_sums<NewSale>(directory, 3) == Sums{{2, 1182}, {3, 3}});
}
