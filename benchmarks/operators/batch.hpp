#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>

#include "klamm/topology.hpp"
#include "payloads.hpp"

// What the measurements share.

namespace klamm::bench {

template <class V> using In = Topic<typename Payload<V>::Key, V>;

/// A batch of records and the bytes they point into.
template <class V> struct Batch {
  static constexpr std::size_t count = 2000;
  Bytes bytes;
  std::vector<RawMessage> messages;

  Batch() {
    std::vector<std::size_t> ends;
    std::uint64_t r = 12345;
    for (std::size_t i = 0; i < count; ++i) {
      r = r * 6364136223846793005U + 1442695040888963407U;
      serde<typename Payload<V>::Key>::encode(Payload<V>::key(r >> 8), bytes);
      ends.push_back(bytes.size());
      serde<V>::encode(Payload<V>::value(r >> 8), bytes);
      ends.push_back(bytes.size());
    }
    const BytesView all{bytes};
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t begin = i == 0 ? 0 : ends[2 * i - 1];
      messages.push_back({all.subspan(begin, ends[2 * i] - begin), all.subspan(ends[2 * i], ends[2 * i + 1] - ends[2 * i]), Timestamp{1},
                          static_cast<std::int64_t>(i), 0});
    }
  }
};

inline double now() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}
inline double median(std::vector<double> v) {
  std::nth_element(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2), v.end());
  return v[v.size() / 2];
}
inline void require(const Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "operators: %s\n", status.message().c_str());
  std::exit(1);
}

/// Of wrappers.cpp.
void measure_wrappers(int rounds, const char* payload);

}  // namespace klamm::bench
