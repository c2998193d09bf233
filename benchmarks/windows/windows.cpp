// Counts per key and window in an ordered store: updates, commits and checkpoints while time goes on and windows expire.
#include <sys/resource.h>

#include "../state/support.hpp"
#include "klamm/detail/ordered_store.hpp"

namespace klamm::bench {
namespace {

using detail::OrderedStore;
using detail::RowOrder;
using detail::Tail;

constexpr std::int64_t window_ms = 60'000, retention_ms = 8 * window_ms;
constexpr std::size_t updates = 3'000'000, per_commit = 10'000;

struct Measured {
  double cpu_s = 0, wall_s = 0, worst_update_us = 0, p999_update_us = 0, bytes_per_row = 0;
  std::size_t rows = 0;
  std::uint64_t checkpoints = 0;
};

/// `per_window`: updates while stream time passes one window.
Measured run(std::uint64_t keys, std::size_t per_window, bool by_time) {
  const TempDirectory directory;
  const auto executor = ports::background_thread("checkpoint");
  OrderedStore<std::int64_t> store;
  store.order({Tail::window, by_time, retention_ms / 8});
  StoreFile file;
  file.path = directory / "windows.sqlite";
  file.store = "windows";
  file.changelog_end = INT64_MAX;
  must(store.open(file, *executor).status());

  Random random{7};
  Measured measured;
  std::vector<double> slow;
  std::int64_t offset = 0;
  std::size_t logged = 0;
  const double start = wall(), start_cpu = thread_cpu();
  for (std::size_t i = 0; i < updates; ++i) {
    const auto now = static_cast<std::int64_t>(i * static_cast<std::size_t>(window_ms) / per_window);
    char key[24];
    const int size = std::snprintf(key, sizeof key, "key-%012llu", static_cast<unsigned long long>(random.next() % keys));
    const double before = i % 8 == 0 ? wall() : 0;
    auto& row = store.change({reinterpret_cast<const std::byte*>(key), static_cast<std::size_t>(size)}, {now / window_ms * window_ms, 0});
    ++row.value;
    row.timestamp = Timestamp{now};
    store.keep(row);
    if (i % 8 == 0) slow.push_back((wall() - before) * 1e6);
    store.expire_before(Timestamp{now - retention_ms});
    if ((i + 1) % per_commit != 0) continue;
    store.begin_commit();
    while (!store.drain(1000, [&](BytesView, BytesView value, Timestamp) { logged += value.size(); })) {
    }
    must(store.settle(++offset));
    store.maybe_checkpoint(static_cast<std::int64_t>(wall() * 1000));
  }
  measured.cpu_s = thread_cpu() - start_cpu;
  measured.wall_s = wall() - start;
  measured.rows = store.present();
  const auto figures = store.figures();
  measured.checkpoints = figures.checkpoints;
  measured.bytes_per_row = static_cast<double>(figures.memory_bytes) / static_cast<double>(figures.rows);
  std::sort(slow.begin(), slow.end());
  measured.worst_update_us = slow.back();
  measured.p999_update_us = slow[slow.size() - slow.size() / 1000 - 1];
  must(logged != 0, "nothing was logged");
  must(store.close());
  return measured;
}

}  // namespace
}  // namespace klamm::bench

int main() {
  for (const auto& [keys, per_window] :
       {std::pair<std::uint64_t, std::size_t>{10'000, 100'000}, {100'000, 100'000}, {1'000'000, 400'000}}) {
    for (const bool by_time : {false, true}) {
      const auto m = klamm::bench::run(keys, per_window, by_time);
      std::printf(
          "{\"keys\": %llu, \"updates_per_window\": %zu, \"by_time\": %s, \"updates_per_s\": %.0f, \"cpu_ns_per_update\": %.0f, "
          "\"p999_update_us\": %.1f, \"worst_update_us\": %.0f, \"rows\": %zu, \"bytes_per_row\": %.0f, \"checkpoints\": %llu}\n",
          static_cast<unsigned long long>(keys), per_window, by_time ? "true" : "false", klamm::bench::updates / m.wall_s,
          m.cpu_s / klamm::bench::updates * 1e9, m.p999_update_us, m.worst_update_us, m.rows, m.bytes_per_row,
          static_cast<unsigned long long>(m.checkpoints));
      std::fflush(stdout);
    }
  }
}
