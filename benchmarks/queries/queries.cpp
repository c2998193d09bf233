// What queries cost a worker, and how long they take: 10,000 gets a second beside an application that works, and one that rests.
// queries [SECONDS]. JSON lines on stdout.
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "klamm/app.hpp"
#include "klamm/klamm.hpp"

using namespace std::chrono_literals;

namespace {

constexpr std::int64_t keys = 100'000, gets_per_second = 10'000;
constexpr int batches_per_second = 1'000;
const klamm::Topic<std::int64_t, std::int64_t> in{"in"};

double seconds_of(clockid_t id) {
  timespec t{};
  clock_gettime(id, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

void must(const klamm::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "queries: %s\n", status.message().c_str());
  std::exit(1);
}

struct Outcome {
  double share = 0;    // of a core, that the worker took
  double records = 0;  // per second, that it processed
  std::vector<double> us;
};

/// Some seconds of work with or without gets.
Outcome measure(klamm::App& app, clockid_t worker, bool asked, double seconds) {
  Outcome outcome;
  const auto query = app.query<std::int64_t>("n");
  const double cpu = seconds_of(worker), start = seconds_of(CLOCK_MONOTONIC);
  const std::int64_t processed = app.status().processed;
  std::int64_t key = 0;
  for (int batch = 0; seconds_of(CLOCK_MONOTONIC) - start < seconds; ++batch) {
    for (int i = 0; asked && i < gets_per_second / batches_per_second; ++i) {
      key = (key + 7919) % keys;
      const double before = seconds_of(CLOCK_MONOTONIC);
      const auto found = query.get(key);
      outcome.us.push_back((seconds_of(CLOCK_MONOTONIC) - before) * 1e6);
      must(found.status());
      if (!*found) must({klamm::Code::internal, "a key is missing"});
    }
    const double ahead = start + (batch + 1.0) / batches_per_second - seconds_of(CLOCK_MONOTONIC);
    if (ahead > 0) std::this_thread::sleep_for(std::chrono::duration<double>(ahead));
  }
  const double took = seconds_of(CLOCK_MONOTONIC) - start;
  outcome.share = (seconds_of(worker) - cpu) / took;
  outcome.records = static_cast<double>(app.status().processed - processed) / took;
  std::sort(outcome.us.begin(), outcome.us.end());
  return outcome;
}

void run(const char* name, const klamm::LogChoice& log, bool works, double seconds) {
  klamm::Topology topology{"queries"};
  topology.stream(in).group_by_key().count("n");
  std::atomic<clockid_t> worker{0};
  klamm::App app{topology, {.log = log, .partitions = 1, .on_thread_start = [&](int) {
                              clockid_t clock{};
                              pthread_getcpuclockid(pthread_self(), &clock);
                              worker = clock;
                            }}};
  must(app.start());
  const auto producer = app.producer(in);
  for (std::int64_t i = 0; i < keys; ++i) must(producer.send(i, i));
  must(app.drain(60s).status());
  std::atomic<bool> stop{false};
  std::thread feeder{[&] {  // 100,000 a second
    for (std::int64_t i = 0; works && !stop; ++i) {
      if (i % 100 == 0) std::this_thread::sleep_for(1ms);
      must(producer.send(i * 7919 % keys, i));
    }
  }};
  const Outcome alone = measure(app, worker, false, seconds);
  Outcome asked = measure(app, worker, true, seconds);
  stop = true;
  feeder.join();
  must(app.stop(30s));
  const double gets = static_cast<double>(asked.us.size()) / seconds;
  const auto at = [&](double part) { return asked.us[static_cast<std::size_t>(part * static_cast<double>(asked.us.size() - 1))]; };
  std::printf(
      "{\"name\":\"queries\",\"payload\":\"%s, %s\",\"operators\":\"get\",\"gets_per_second\":%.0f,\"records_per_second\":%.0f,"
      "\"worker_share\":%.3f,\"worker_share_with_gets\":%.3f,\"worker_us_per_get\":%.2f,\"p50_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f}"
      "\n",
      name, works ? "works" : "rests", gets, asked.records, alone.share, asked.share, (asked.share - alone.share) / gets * 1e6, at(.5),
      at(.99), at(.999));
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 5;
  std::string directory = (std::filesystem::temp_directory_path() / "klamm-queries-XXXXXX").string();
  if (::mkdtemp(directory.data()) == nullptr) return 1;
  for (const bool works : {false, true}) {
    run("log in memory", klamm::in_memory(), works, seconds);
    run("log in a directory", klamm::embedded(directory + (works ? "/works" : "/rests")), works, seconds);
  }
  std::filesystem::remove_all(directory);
  return 0;
}
