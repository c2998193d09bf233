#pragma once

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <klamm/klamm.hpp>
#include <string>
#include <vector>

namespace example {

using Counts = std::vector<klamm::KeyValue<std::string, std::int64_t>>;

inline klamm::Result<Counts> top_of(klamm::Query<std::int64_t>& query, std::size_t most) {
  auto all = query.all<std::string>();
  if (!all.ok()) return all.status();
  klamm::Result<Counts> rows = all->to_vector();
  if (!rows.ok()) return rows;
  const auto end = rows->begin() + static_cast<std::ptrdiff_t>(std::min(most, rows->size()));
  std::partial_sort(rows->begin(), end, rows->end(),
                    [](const auto& a, const auto& b) { return a.value != b.value ? a.value > b.value : a.key < b.key; });
  rows->erase(end, rows->end());
  return rows;
}

inline klamm::Status flush_stdout() {
  return std::fflush(stdout) == 0 ? klamm::Status{} : klamm::Status{klamm::Code::resource_exhausted, "stdout: can't be written"};
}

/// The ten most frequent words, to stdout.
inline klamm::Status print_top(klamm::Query<std::int64_t>& query) {
  const klamm::Result<Counts> top = top_of(query, 10);
  if (!top.ok()) return top.status();
  for (const auto& [word, count] : *top) std::printf("%8lld  %s\n", static_cast<long long>(count), word.c_str());
  return flush_stdout();
}

/// All words with their counts, sorted by word bytewise, to stdout.
inline klamm::Status dump(klamm::Query<std::int64_t>& query) {
  auto rows = query.all<std::string>();
  if (!rows.ok()) return rows.status();
  for (const auto& [word, count] : *rows) std::printf("%s\t%lld\n", word.c_str(), static_cast<long long>(count));
  if (!rows->status().ok()) return rows->status();
  return flush_stdout();
}

/// Shows on stderr how far a count is: a top ten that redraws itself on a terminal, else a line now and then.
class LiveView {
 public:
  LiveView(klamm::App& app, klamm::Query<std::int64_t>& query) : app_{app}, query_{query} {}

  void update(std::int64_t read, std::int64_t size) {
    read_ = read;
    size_ = size;
    if (++calls_ % 1024 == 0) show_if_due();
  }
  /// Waits a little for all that was fed to be counted.
  klamm::Status wait() {
    const klamm::Result<bool> drained = app_.drain(std::chrono::milliseconds{100});
    if (!drained.ok()) return drained.status();
    done_ = *drained;
    if (done_)
      show();
    else
      show_if_due();
    return {};
  }
  [[nodiscard]] bool done() const { return done_; }

 private:
  using Clock = std::chrono::steady_clock;

  void show_if_due() {
    if (Clock::now() - shown_ >= (terminal_ ? std::chrono::milliseconds{100} : std::chrono::milliseconds{1000})) show();
  }
  void show() {
    shown_ = Clock::now();
    const klamm::AppStatus status = app_.status();
    const double seconds = std::max(0.001, std::chrono::duration<double>(shown_ - started_).count());
    const double percent = size_ == 0 ? 100.0 : 100.0 * static_cast<double>(read_) / static_cast<double>(size_);
    char head[160];
    std::snprintf(head, sizeof head, "read %3.0f %%, %lld records processed, %.0f thousand records/s, %lld to go", percent,
                  static_cast<long long>(status.processed), static_cast<double>(status.processed) / seconds / 1000.0,
                  static_cast<long long>(status.lag()));
    if (!terminal_) {
      std::fprintf(stderr, "%s\n", head);
      return;
    }
    std::string screen = drawn_ == 0 ? std::string{} : "\x1b[" + std::to_string(drawn_) + "A";
    screen += "\x1b[K" + std::string{head} + '\n';
    drawn_ = 1;
    if (const klamm::Result<Counts> top = top_of(query_, 10); top.ok()) {
      for (const auto& [word, count] : *top)
        screen += "\x1b[K" + std::string(10 - std::min<std::size_t>(10, std::to_string(count).size()), ' ') + std::to_string(count) + "  " +
                  word + '\n',
            ++drawn_;
    }
    std::fputs(screen.c_str(), stderr);
  }

  klamm::App& app_;
  klamm::Query<std::int64_t>& query_;
  const bool terminal_ = ::isatty(STDERR_FILENO) == 1;
  const Clock::time_point started_ = Clock::now();
  Clock::time_point shown_ = started_;
  std::int64_t read_ = 0, size_ = 0, calls_ = 0;
  int drawn_ = 0;
  bool done_ = false;
};

}  // namespace example
