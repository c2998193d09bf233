#pragma once

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "klamm/detail/store.hpp"
#include "ports/executor.hpp"

namespace klamm::bench {

using Store = detail::Store<std::int64_t>;
using detail::StoreFile;

inline double seconds_of(clockid_t id) {
  timespec t{};
  clock_gettime(id, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}
inline double wall() { return seconds_of(CLOCK_MONOTONIC); }
inline double thread_cpu() { return seconds_of(CLOCK_THREAD_CPUTIME_ID); }

inline void must(bool ok, const std::string& what) {
  if (ok) return;
  std::fprintf(stderr, "state: %s\n", what.c_str());
  std::exit(1);
}
inline void must(const Status& status) { must(status.ok(), status.message()); }

inline double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

inline std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}
struct Random {
  std::uint64_t state;
  std::uint64_t next() { return mixed(state += 0x9e3779b97f4a7c15ULL); }
  double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }
};

enum class Spread : unsigned char { uniform, zipf };
inline const char* name_of(Spread spread) { return spread == Spread::uniform ? "uniform" : "zipf 0.99"; }

/// Ids in [0, keys): uniform, or zipf 0.99 as in YCSB, scattered so that hot ids are not neighbours.
inline std::vector<std::uint32_t> ids(std::size_t n, std::uint64_t keys, Spread spread, std::uint64_t seed) {
  std::vector<std::uint32_t> result(n);
  Random random{seed};
  if (spread == Spread::uniform) {
    for (auto& id : result) id = static_cast<std::uint32_t>(random.next() % keys);
    return result;
  }
  const double theta = 0.99, alpha = 1 / (1 - theta), all = static_cast<double>(keys), zeta2 = 1 + std::pow(0.5, theta);
  double zeta = 0;
  for (std::uint64_t i = 1; i <= keys; ++i) zeta += 1 / std::pow(static_cast<double>(i), theta);
  const double eta = (1 - std::pow(2 / all, 1 - theta)) / (1 - zeta2 / zeta);
  for (auto& id : result) {
    const double u = random.unit(), scaled = u * zeta;
    std::uint64_t rank = scaled < 1 ? 0 : scaled < zeta2 ? 1 : static_cast<std::uint64_t>(all * std::pow(eta * u - eta + 1, alpha));
    id = static_cast<std::uint32_t>(mixed(std::min(rank, keys - 1) + 1) % keys);
  }
  return result;
}

/// Keys of 12 or 24 bytes, side by side in memory.
class Keys {
 public:
  Keys(std::size_t n, std::size_t key_bytes) : count_{n}, size_{key_bytes}, bytes_(n * key_bytes) {
    for (std::size_t i = 0; i < n; ++i) {
      char text[48];
      const auto number = static_cast<unsigned long long>(mixed(i + 1));
      if (size_ == 12)
        std::snprintf(text, sizeof text, "%012llx", number & 0xffff'ffff'ffffULL);
      else
        std::snprintf(text, sizeof text, "customer%016llx", number);
      std::memcpy(bytes_.data() + i * size_, text, size_);
    }
  }
  BytesView operator[](std::size_t i) const { return {bytes_.data() + i * size_, size_}; }
  [[nodiscard]] std::string_view text(std::size_t i) const { return {reinterpret_cast<const char*>(bytes_.data()) + i * size_, size_}; }
  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] std::size_t key_bytes() const { return size_; }

 private:
  std::size_t count_, size_;
  Bytes bytes_;
};

class TempDirectory {
 public:
  TempDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "klamm-bench-XXXXXX").string();
    must(::mkdtemp(name.data()) != nullptr, "can't make " + name);
    path_ = name;
  }
  ~TempDirectory() { std::filesystem::remove_all(path_); }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;
  [[nodiscard]] std::string operator/(const char* name) const { return path_ + '/' + name; }

 private:
  std::string path_;
};

/// A store as a task has it: its commits, and a place where the changelog's records go.
class Task {
 public:
  Task(std::size_t dirty_bytes, std::size_t memory_bytes) {
    StoreFile file;
    file.path = directory_ / "s.sqlite";
    file.store = file.application = "bench";
    file.changelog_end = std::int64_t{1} << 40;
    file.dirty_bytes = dirty_bytes;
    file.memory_bytes = memory_bytes;
    must(store.open(file, *executor_).status());
  }
  void count(BytesView key) {
    auto& row = store.change(key);
    ++row.value;
    row.set_present(true);
  }
  /// True when all is drained.
  bool drain(std::size_t limit) {
    return store.drain(limit, [this](BytesView key, BytesView value, Timestamp) {
      changelog_.insert(changelog_.end(), key.begin(), key.end());
      changelog_.insert(changelog_.end(), value.begin(), value.end());
      ++end_;
    });
  }
  void settle() {
    changelog_.clear();
    must(store.settle(end_));
  }
  void commit() {
    store.begin_commit();
    drain(~std::size_t{0});
    settle();
  }
  /// All keys once, in commits of `per_commit`, and waits for the file.
  void fill(const Keys& keys, std::size_t per_commit) {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      count(keys[i]);
      if ((i + 1) % per_commit == 0) commit();
    }
    commit();
    must(store.flush());
  }

 private:
  TempDirectory directory_;
  std::unique_ptr<ports::Executor> executor_ = ports::background_thread("checkpoint");

 public:
  Store store;

 private:
  Bytes changelog_;
  std::int64_t end_ = 0;
};

inline constexpr std::size_t per_commit = 50'000;
inline constexpr std::size_t mebibyte = std::size_t{1} << 20;
inline constexpr int rounds = 3;

void count_per_key(std::size_t keys, std::size_t updates);
void beyond_memory(std::size_t keys, std::size_t budget, std::size_t updates);
void pauses(std::size_t updates);
void restore(std::size_t keys);

}  // namespace klamm::bench
