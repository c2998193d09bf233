// Revenue per user of a shop's orders, which are protobuf messages:
//
//     02_orders sell 100000 --embedded /tmp/shop   makes orders, waits until all are counted, prints the best customers
//     02_orders run --embedded /tmp/shop           runs until SIGINT or SIGTERM
//     02_orders describe --mermaid                 draws the pipeline
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <random>
#include <span>

#include "klamm/klamm.hpp"
#include "klamm/serde/protobuf.hpp"
#include "shop.pb.h"

using namespace std::chrono_literals;

inline const klamm::Topic<klamm::NoKey, shop::Order> orders{"orders"};
inline const klamm::Topic<std::int64_t, shop::Order> orders_by_user{"orders-by-user"};
inline const klamm::Topic<std::int64_t, double> revenue{"revenue"};

const auto per_user = klamm::table<double>("revenue-by-user").fold([](double& sum, const shop::Order& order) { sum += order.amount(); });

static klamm::Topology shop_topology() {
  klamm::Topology topology{"shop"};
  topology.stream(orders)
      .filter(&shop::Order::paid)
      .group_by(&shop::Order::user_id)
      .through(orders_by_user)
      .aggregate(per_user)
      .to(revenue);
  return topology;
}

/// Sends `count` orders of twenty customers; two of three are paid.
static klamm::Status sell(klamm::App& app, int count) {
  std::mt19937 random{std::random_device{}()};
  const auto producer = app.producer(orders);
  shop::Order order;
  for (int i = 0; i < count; ++i) {
    order.set_user_id(static_cast<std::int64_t>(random() % 20));
    order.set_amount(static_cast<double>(1 + random() % 100));
    order.set_paid(random() % 3 != 0);
    if (klamm::Status status = producer.send({}, order); !status.ok()) return status;
  }
  return producer.flush();
}

static klamm::Status print_best(klamm::App& app) {
  auto all = app.query(per_user).all<std::int64_t>();
  if (!all.ok()) return all.status();
  auto rows = all->to_vector();
  if (!rows.ok()) return rows.status();
  std::sort(rows->begin(), rows->end(), [](const auto& a, const auto& b) { return a.value > b.value; });
  for (const auto& row : std::span{*rows}.first(std::min<std::size_t>(5, rows->size())))
    std::printf("user %2lld  %10.2f\n", static_cast<long long>(row.key), row.value);
  return {};
}

static int sell_on(const klamm::Topology& topology, const char* directory, int count) {
  klamm::App app{topology, {.log = klamm::embedded(directory), .threads = 2}};
  klamm::Status status = app.start();
  if (status.ok()) status = sell(app, count);
  if (status.ok()) {
    const klamm::Result<bool> drained = app.drain(60s);
    status = !drained.ok() ? drained.status()
             : *drained    ? print_best(app)
                           : klamm::Status{klamm::Code::unavailable, "not all counted in a minute"};
  }
  if (status.ok()) status = app.stop(10s);
  if (!status.ok()) std::fprintf(stderr, "02_orders: %s\n", status.message().c_str());
  return status.exit_code();
}

int main(int argc, char** argv) {
  const klamm::Topology topology = shop_topology();
  if (argc == 5 && std::strcmp(argv[1], "sell") == 0 && std::strcmp(argv[3], "--embedded") == 0)
    return sell_on(topology, argv[4], std::atoi(argv[2]));
  return klamm::main(topology, argc, argv);
}
