// What a store costs, beside a bare hash map: state [--full] [count|pause|restore|large]. JSON lines on stdout.
#include "support.hpp"

#include <malloc.h>

#include <absl/container/flat_hash_map.h>

#include "state/commit_batch.hpp"

namespace klamm::bench {
namespace {

double resident_bytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  long pages = 0, resident = 0;
  must(file != nullptr && std::fscanf(file, "%ld %ld", &pages, &resident) == 2, "/proc/self/statm can't be read");
  std::fclose(file);
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double in_mb(double bytes) { return bytes / 1e6; }

}  // namespace

void beyond_memory(std::size_t n, std::size_t budget, std::size_t updates) {
  const Keys keys(n, 12);
  for (const Spread spread : {Spread::zipf, Spread::uniform}) {
    const auto order = ids(updates, n, spread, 5);
    malloc_trim(0);  // what was freed before would hide what is used now
    const double before = resident_bytes();
    double most = 0, most_counted = 0;
    Task task(64 * mebibyte, budget);
    task.fill(keys, per_commit);
    const auto filled = task.store.figures();
    const double start = wall(), cpu = thread_cpu();
    for (std::size_t i = 0; i < updates; ++i) {
      task.count(keys[order[i]]);
      if ((i + 1) % per_commit != 0) continue;
      task.commit();
      most = std::max(most, resident_bytes() - before);
      most_counted = std::max(most_counted, static_cast<double>(task.store.figures().memory_bytes));
    }
    const double seconds = wall() - start, done = static_cast<double>(updates);
    const auto after = task.store.figures();
    std::printf(
        "{\"name\":\"state\",\"payload\":\"%zu keys of 12 bytes, %s, budget %.0f MB\",\"operators\":\"count: beyond "
        "memory\",\"updates_per_second\":%.0f,\"cpu_ns\":%.0f,"
        "\"file_reads\":%.2f,\"rows_in_memory\":%zu,\"checkpoints\":%llu,\"held_back\":%llu,\"counted_mb\":%.0f,\"resident_mb\":%.0f,"
        "\"ratio\":%.2f}\n",
        n, name_of(spread), in_mb(static_cast<double>(budget)), done / seconds, (thread_cpu() - cpu) / done * 1e9,
        static_cast<double>(after.file_reads - filled.file_reads) / done, after.rows,
        static_cast<unsigned long long>(after.checkpoints - filled.checkpoints),
        static_cast<unsigned long long>(after.held_back - filled.held_back), in_mb(most_counted), in_mb(most),
        most / static_cast<double>(budget));
    std::fflush(stdout);
  }
}

void pauses(std::size_t updates) {
  constexpr std::size_t n = 1'000'000, slice = 64;
  const Keys keys(n, 12);
  const auto order = ids(updates, n, Spread::uniform, 3);
  Task task(16 * mebibyte, 0);  // small: a checkpoint runs nearly always
  task.fill(keys, per_commit);
  const auto before = task.store.figures();
  std::vector<double> us;
  us.reserve(updates);
  bool draining = false;
  for (std::size_t i = 0; i < updates; ++i) {
    const double start = wall();
    task.count(keys[order[i]]);
    if (i % per_commit == 0 && !draining) task.store.begin_commit(), draining = true;
    if (draining && i % (slice / 2) == 0 && task.drain(slice)) task.settle(), draining = false;
    us.push_back((wall() - start) * 1e6);
  }
  std::sort(us.begin(), us.end());
  const auto at = [&](double part) { return us[static_cast<std::size_t>(part * static_cast<double>(us.size() - 1))]; };
  std::printf(
      "{\"name\":\"state\",\"payload\":\"%zu keys of 12 bytes, uniform\",\"operators\":\"pause of an update, commits in slices, "
      "checkpoints running\",\"updates\":%zu,\"checkpoints\":%llu,"
      "\"p50_us\":%.2f,\"p99_us\":%.2f,\"p999_us\":%.2f,\"p9999_us\":%.2f,\"max_us\":%.0f}\n",
      n, updates, static_cast<unsigned long long>(task.store.figures().checkpoints - before.checkpoints), at(.5), at(.99), at(.999),
      at(.9999), us.back());
  std::fflush(stdout);
}

void restore(std::size_t n) {
  const Keys keys(n, 12);
  std::vector<std::shared_ptr<state::CommitBatch>> changelog{std::make_shared<state::CommitBatch>()};
  for (std::size_t i = 0; i < n; ++i) {
    Bytes value;
    serde<std::int64_t>::encode(static_cast<std::int64_t>(i), value);
    if (changelog.back()->bytes() > mebibyte) changelog.push_back(std::make_shared<state::CommitBatch>());
    changelog.back()->append({keys[i * 2654435761ULL % n], value, Timestamp{0}});
  }
  const auto replay = [&](auto take) {
    const double start = thread_cpu();
    for (const auto& batch : changelog) {
      for (std::size_t at = 0; at < batch->bytes(); at = batch->next(at)) take(batch->change_at(at));
    }
    return (thread_cpu() - start) / static_cast<double>(n) * 1e9;
  };
  std::vector<double> raw, store;
  for (int round = 0; round < rounds; ++round) {
    {
      absl::flat_hash_map<std::string, std::int64_t> map;
      raw.push_back(replay([&](const state::Change& change) {
        const std::string key{reinterpret_cast<const char*>(change.key.data()), change.key.size()};
        must(serde<std::int64_t>::decode(change.value, map[key]).ok(), "decode");
      }));
    }
    Task task(std::size_t{1} << 40, 0);
    const double replayed =
        replay([&](const state::Change& change) { must(task.store.restore(change.key, change.value, change.timestamp)); });
    const double start = thread_cpu();
    must(task.store.end_restore(static_cast<std::int64_t>(n)));
    store.push_back(replayed + (thread_cpu() - start) / static_cast<double>(n) * 1e9);
  }
  std::printf(
      "{\"name\":\"state\",\"payload\":\"%zu keys of 12 "
      "bytes\",\"operators\":\"restore\",\"cpu_ns\":%.0f,\"hash_map_ns\":%.0f,\"ratio\":%.2f}\n",
      n, median(store), median(raw), median(store) / median(raw));
  std::fflush(stdout);
}

}  // namespace klamm::bench

int main(int argc, char** argv) {
  using namespace klamm::bench;
  bool full = false;
  std::string_view only;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument{argv[i]};
    if (argument == "--full") {
      full = true;
    } else if (only.empty() && (argument == "count" || argument == "pause" || argument == "restore" || argument == "large")) {
      only = argument;
    } else {
      return std::fprintf(stderr, "usage: %s [--full] [count|pause|restore|large]\n", argv[0]), 2;
    }
  }
  const auto wanted = [&](std::string_view part) { return only.empty() || only == part; };
  if (wanted("large")) full ? beyond_memory(10'000'000, 200'000'000, 4'000'000) : beyond_memory(2'000'000, 40'000'000, 1'000'000);
  if (wanted("count")) count_per_key(1'000'000, full ? 10'000'000 : 2'000'000);
  if (wanted("pause")) pauses(full ? 6'000'000 : 2'000'000);
  if (wanted("restore")) restore(full ? 5'000'000 : 1'000'000);
}
