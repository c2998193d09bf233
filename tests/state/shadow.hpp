#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "support.hpp"

namespace klamm::testing {

/// What a store should hold, kept naively beside it: a wrong abort would else write its mistake to store and log alike.
template <class V> class Shadow {
 public:
  struct Entry {
    V value{};
    std::int64_t timestamp = 0;
    friend bool operator==(const Entry&, const Entry&) = default;
  };

  void put(const std::string& key, V value, std::int64_t timestamp) { now_[key] = Entry{std::move(value), timestamp}; }
  void erase(const std::string& key) { now_[key] = std::nullopt; }
  [[nodiscard]] std::optional<Entry> get(const std::string& key, Contents contents = Contents::current) const {
    if (contents == Contents::committed) return committed(key);
    for (const auto* overlay : {&now_, &in_flight_}) {
      if (const auto it = overlay->find(key); it != overlay->end()) return it->second;
    }
    return committed(key);
  }
  void begin_commit() { in_flight_.swap(now_); }
  void settle() {
    for (auto& [key, entry] : in_flight_) {
      if (entry) {
        committed_[key] = *entry;
      } else {
        committed_.erase(key);
      }
    }
    in_flight_.clear();
  }
  void abort() { now_.clear(), in_flight_.clear(); }

  /// What must go to the changelog now: erased keys only when they were committed. Timestamps of tombstones are not compared.
  [[nodiscard]] Table in_flight() const {
    Table table;
    for (const auto& [key, entry] : in_flight_) {
      if (entry) {
        table[key] = {encoded(entry->value), entry->timestamp};
      } else if (committed(key)) {
        table[key] = {"", 0, true};
      }
    }
    return table;
  }
  [[nodiscard]] Table committed() const { return shown(committed_); }
  [[nodiscard]] Table current() const {
    auto all = committed_;
    for (const auto* overlay : {&in_flight_, &now_}) {
      for (const auto& [key, entry] : *overlay) {
        if (entry) {
          all[key] = *entry;
        } else {
          all.erase(key);
        }
      }
    }
    return shown(all);
  }

 private:
  [[nodiscard]] std::optional<Entry> committed(const std::string& key) const {
    const auto it = committed_.find(key);
    return it == committed_.end() ? std::nullopt : std::optional<Entry>{it->second};
  }
  static Table shown(const std::map<std::string, Entry>& entries) {
    Table table;
    for (const auto& [key, entry] : entries) table[key] = {encoded(entry.value), entry.timestamp};
    return table;
  }

  std::map<std::string, Entry> committed_;
  std::map<std::string, std::optional<Entry>> in_flight_, now_;
};

/// A changelog of one partition: what was drained and settled, by offset.
struct ChangelogRecord {
  std::string key;
  Shown value;
};
using Changelog = std::vector<ChangelogRecord>;

/// Opens the store and replays what its file lacks.
inline Status open_and_replay(StoreBase& store, StoreFile file, ports::Executor& executor, const Changelog& log) {
  file.changelog_end = static_cast<std::int64_t>(log.size());
  auto opened = store.open(file, executor);
  if (!opened.ok()) return opened.status();
  for (auto at = static_cast<std::size_t>(store.position()); at < log.size(); ++at) {
    const auto& [key, value] = log[at];
    auto status = store.restore(bytes(key), value.tombstone ? BytesView{} : bytes(value.value), Timestamp{value.timestamp});
    if (!status.ok()) return status;
  }
  return store.end_restore(file.changelog_end);
}

}  // namespace klamm::testing
