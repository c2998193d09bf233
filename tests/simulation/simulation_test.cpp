// Whole applications on one log, through joins, leaves, kills, freezes, aborts and a log that can't be reached. A seed that fails is run
// again alone, with its history, by `simulation_test --seed N`.
#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>

#include "simulation/world.hpp"

namespace {

using klamm::simulation::World;

constexpr std::uint64_t seeds = 200, seeds_with_files = 20;

/// The number behind `--seed` on the command line, which doctest leaves alone.
std::optional<std::uint64_t> asked_seed() {
  std::ifstream arguments{"/proc/self/cmdline"};
  for (std::string argument; std::getline(arguments, argument, '\0');) {
    if (argument == "--seed" && std::getline(arguments, argument, '\0')) return std::strtoull(argument.c_str(), nullptr, 10);
  }
  return {};
}

void run(std::uint64_t seed, bool show) {
  World world{seed, seed % (seeds / seeds_with_files) == 0 ? World::Disks::files : World::Disks::memory};
  world.run();
  const std::string stuck = world.settle();
  const std::string wrong = stuck.empty() ? world.check() : std::string{};
  if (show) std::cout << world.history();
  INFO("run it again with --seed ", seed);
  CHECK(stuck == "");
  CHECK(wrong == "");
}

}  // namespace

TEST_CASE("every record counts once, and nothing is stuck, whatever happens to processes and log") {
  if (const auto seed = asked_seed()) return run(*seed, true);
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) run(seed, false);
}

TEST_CASE("a seed is the same run each time") {
  if (asked_seed()) return;
  std::string histories[2];
  for (std::string& history : histories) {
    World world{7, World::Disks::memory};
    world.run();
    CHECK(world.settle() == "");
    history = world.history();
  }
  CHECK(histories[0] == histories[1]);
}
