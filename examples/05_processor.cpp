// Lets each payment through once: what comes again within ten minutes is a duplicate. A processor keeps the ids it has seen in a store
// of its own, and a punctuation forgets the old ones.
//
//     build/examples/05_processor        prints what passes
#include <chrono>
#include <cstdio>
#include <string>

#include "klamm/klamm.hpp"
#include "klamm/test_driver.hpp"

using namespace std::chrono_literals;

const klamm::Topic<std::string, double> payments{"payments"};  // by id
const klamm::Topic<std::string, double> unique_payments{"unique-payments"};

class Dedup {
 public:
  using Context = klamm::Context<std::string, double>;  // what it forwards
  using Seen = klamm::KeyValueStore<std::string, std::int64_t>;

  // Each task has a Dedup of its own, with the rows of its own partition.
  Dedup(Seen& seen, Context& context, klamm::Duration window) : seen_{seen}, context_{context}, window_{window} {
    context.schedule(window, klamm::Time::stream, [this](klamm::Timestamp now) { forget_before(now - window_); });
  }

  void process(const klamm::Record<std::string, const double>& record) {
    if (!record.has_key()) return;
    const std::int64_t* last = seen_.find(record.key);
    const bool duplicate = last != nullptr && record.timestamp() - klamm::Timestamp{*last} < window_;
    if (duplicate) return;
    seen_.put(record.key, record.timestamp().milliseconds());
    context_.forward(record.key, record.value);
  }

 private:
  void forget_before(klamm::Timestamp limit) {
    seen_.scan([&](const std::string& id, std::int64_t at) {
      if (klamm::Timestamp{at} <= limit) seen_.erase(id);
    });
  }

  Seen& seen_;
  Context& context_;
  klamm::Duration window_;
};

int main() {
  klamm::Topology topology{"payments"};
  auto seen = topology.store<std::string, std::int64_t>("seen");
  topology.stream(payments).process<Dedup>(seen, klamm::with(klamm::Duration{10min})).to(unique_payments);

  klamm::TestDriver driver{topology};
  auto in = driver.input(payments);
  auto out = driver.output(unique_payments);
  const auto pay = [&](const char* id, double amount, klamm::Duration at) {
    if (const klamm::Status status = in.send(id, amount, klamm::at(at)); !status.ok()) std::puts(status.message().c_str());
  };
  pay("p1", 10, 1min);
  pay("p2", 20, 2min);
  pay("p1", 10, 3min);  // sent twice
  driver.restart(klamm::Disk::lost);
  pay("p2", 20, 5min);  // a crash forgets nothing
  pay("p3", 30, 25min);
  pay("p1", 10, 26min);  // long ago: a payment of its own

  std::string passed;
  for (const auto& record : out.read()) passed += *record.key + ' ';
  std::printf("%s\nids remembered: %zu\n", passed.c_str(), driver.table(seen).all().size());
  return passed == "p1 p2 p3 p1 " && driver.status().ok() ? 0 : 1;
}
