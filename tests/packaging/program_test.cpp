// A test of a program, against the installed libklamm-testing.
#include <string>

#include "klamm/test_driver.hpp"

int main() {
  const klamm::Topic<std::string, std::int64_t> in{"in"}, out{"out"};
  klamm::Topology topology{"sums"};
  topology.stream(in).group_by_key().reduce("sums", [](std::int64_t a, std::int64_t b) { return a + b; }).to(out);

  klamm::TestDriver driver{topology};
  auto input = driver.input(in);
  auto output = driver.output(out);
  const bool sent = input.send("k", 1).ok() && input.send("k", 2).ok();
  driver.restart(klamm::Disk::lost);
  return sent && input.send("k", 3).ok() && output.read() == output.records({{"k", 1}, {"k", 3}, {"k", 6}}) ? 0 : 1;
}
