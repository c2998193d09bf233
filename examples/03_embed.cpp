// klamm inside a program that has a loop, threads and a log of its own: the program reads lines from stdin,
//
//     tick SYMBOL PRICE SIZE     a trade, which goes into the pipeline and never blocks the loop
//     vwap SYMBOL                prints the volume-weighted average price, as of the last commit
//     sync                       prints `synced` when all ticks are counted
//
// until stdin ends, SIGTERM comes, or the pipeline fails: 03_embed DIRECTORY
#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <iostream>
#include <sstream>

#include "klamm/klamm.hpp"

using namespace std::chrono_literals;

struct Tick {
  double price = 0, size = 0;
};
struct Vwap {
  double paid = 0, size = 0;
};

const klamm::Topic<std::string, Tick> ticks{"ticks"};
const auto vwap = klamm::table<Vwap>("vwap").fold([](Vwap& sum, const Tick& tick) {
  sum.paid += tick.price * tick.size;
  sum.size += tick.size;
});

static klamm::App* signalled = nullptr;

/// One line of the user's. False: nothing more can be done.
static bool obey(klamm::App& app, const klamm::Producer<std::string, Tick>& in, const std::string& line) {
  std::istringstream words{line};
  std::string verb, symbol;
  Tick tick;
  words >> verb >> symbol;
  if (verb == "tick" && words >> tick.price >> tick.size) {
    klamm::Send sent = in.try_send(symbol, tick);
    for (; sent == klamm::Send::full; sent = in.try_send(symbol, tick)) usleep(1000);  // a real feed would be paused here
    return sent == klamm::Send::sent;
  }
  if (verb == "vwap") {
    const auto found = app.query(vwap).get(symbol);
    if (!found.ok())
      std::cout << symbol << ": " << found.status().message() << std::endl;
    else if (*found)
      std::cout << symbol << ' ' << (*found)->paid / (*found)->size << std::endl;
    else
      std::cout << symbol << " unknown" << std::endl;
  } else if (verb == "sync" && app.drain(30s).ok()) {
    std::cout << "synced" << std::endl;
  } else {
    std::cout << "? " << line << std::endl;
  }
  return true;
}

int main(int argc, char** argv) {
  if (argc != 2) return std::cerr << "usage: 03_embed DIRECTORY\n", 2;
  int done[2];
  if (pipe(done) != 0) return 1;

  klamm::Topology topology{"quotes"};
  topology.stream(ticks).group_by_key().aggregate(vwap);
  klamm::App app{topology,
                 {.log = klamm::embedded(argv[1]),
                  .threads = 2,
                  .log_sink = [](klamm::Level, std::string_view component, std::string_view message,
                                 auto) { std::clog << "quotes/" << component << ": " << message << '\n'; },
                  .on_thread_start = [](int worker) { std::clog << "worker " << worker << " is up\n"; }}};
  app.on_state([&](klamm::State state) {
    if (state.final() && write(done[1], "", 1) < 0) std::clog << "can't wake the loop\n";
  });
  if (const klamm::Status status = app.start(); !status.ok()) return std::cerr << status.message() << '\n', 1;
  signalled = &app;
  std::signal(SIGTERM, [](int) { signalled->request_stop(); });

  const auto in = app.producer(ticks);
  pollfd sources[]{{STDIN_FILENO, POLLIN, 0}, {done[0], POLLIN, 0}};
  std::string text;
  for (bool go_on = true; go_on;) {
    if (poll(sources, 2, -1) < 0) continue;  // a signal
    char part[4096];
    const ssize_t size = sources[1].revents != 0 ? 0 : read(STDIN_FILENO, part, sizeof part);
    if (size <= 0) break;
    text.append(part, static_cast<std::size_t>(size));
    for (std::size_t end; go_on && (end = text.find('\n')) != std::string::npos; text.erase(0, end + 1))
      go_on = obey(app, in, text.substr(0, end));
  }
  const klamm::Status status = app.stop(10s);  // finishes what is at work, commits, joins the threads
  if (!status.ok()) std::cerr << status.message() << '\n';
  return status.exit_code();
}
