// A program as `klamm::main` makes it, for main.py: counts the words of what it is given on its own first start.
#include "klamm/klamm.hpp"

int main(int argc, char** argv) {
  klamm::Topology topology{"main-program"};
  auto counts =
      topology.stream(klamm::Topic<std::string, std::string>{"in"}).group_by([](const std::string& v) { return v; }).count("counts");
  counts.to(klamm::Topic<std::string, std::int64_t>{"out"});
  return klamm::main(topology, argc, argv);
}
