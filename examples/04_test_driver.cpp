// How a pipeline is tested: no broker, no threads, no files, and a clock that stands still.
#include <klamm/klamm.hpp>
#include <klamm/test_driver.hpp>

#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

using namespace std::chrono_literals;

struct Order {
  std::string user;
  double amount = 0;
  bool paid = false;
};

namespace {

const klamm::Topic<klamm::NoKey, Order> orders{"orders"};
const klamm::Topic<std::string, double> revenue{"revenue"};
const auto per_user = klamm::table<double>("revenue-by-user").fold([](double& sum, const Order& order) { sum += order.amount; });

klamm::Topology shop() {
  klamm::Topology topology{"shop"};
  topology.stream(orders).filter(&Order::paid).group_by(&Order::user).aggregate(per_user).to(revenue);
  return topology;
}

}  // namespace

TEST_CASE("paid orders add up per user, with the time of the newest") {
  const klamm::Topology topology = shop();
  klamm::TestDriver t{topology};
  auto in = t.input(orders);
  auto out = t.output(revenue);
  CHECK(in.send({"ann", 10.0, true}, klamm::at(12s)).ok());
  CHECK(in.send({"bob", 5.0, false}).ok());
  CHECK(in.send({"ann", 2.5, true}, klamm::at(11s)).ok());
  CHECK(out.read() == out.records({{"ann", 10.0, klamm::at(12s)}, {"ann", 12.5, klamm::at(12s)}}));
  CHECK(t.table<std::string>(per_user).get("bob") == std::nullopt);
}

TEST_CASE("what can't be decoded is skipped and counted, and state survives a crash") {
  const klamm::Topology topology = shop();
  klamm::TestDriver t{topology, {.on_error = klamm::skip(), .partitions = 3}};
  auto in = t.input(orders);
  CHECK(in.send({"ann", 10.0, true}).ok());
  CHECK(in.send_raw("garbage").ok());
  CHECK(t.counters().skipped == 1);
  t.restart(klamm::Disk::lost);  // the table comes back from its changelog
  CHECK(in.send({"ann", 1.0, true}).ok());
  CHECK(t.table<std::string>(per_user).get("ann") == 11.0);
}

TEST_CASE("by default a record that can't be decoded stops the application, and the status says which") {
  const klamm::Topology topology = shop();
  klamm::TestDriver t{topology};
  const klamm::Status status = t.input(orders).send_raw("garbage");
  CHECK(status.code() == klamm::Code::failed_record);
  CHECK(status.message().find("topic \"orders\" partition 0 offset 0") == 0);
}
