#pragma once

#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <utility>

#include "klamm/detail/store.hpp"
#include "ports/executor.hpp"

namespace klamm::testing {

using detail::Contents;
using detail::KeyRange;
using detail::Opened;
using detail::Row;
using detail::Store;
using detail::StoreBase;
using detail::StoreFile;

inline BytesView bytes(const std::string& text) { return {reinterpret_cast<const std::byte*>(text.data()), text.size()}; }
inline std::string text(BytesView view) { return {reinterpret_cast<const char*>(view.data()), view.size()}; }

template <class V> std::string encoded(const V& value) {
  Bytes out;
  serde<V>::encode(value, out);
  return text(out);
}

/// A directory of its own, gone at the end. In memory where that is possible: what these tests kill are processes, not machines, and
/// thousands of checkpoints would wait for the disk.
class TempDirectory {
 public:
  TempDirectory() {
    const bool memory = std::getenv("TMPDIR") == nullptr && ::access("/dev/shm", W_OK) == 0;
    std::string name = ((memory ? "/dev/shm" : std::filesystem::temp_directory_path()) / "klamm-state-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TempDirectory() { std::filesystem::remove_all(path_); }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;

  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + '/' + name; }

 private:
  std::string path_;
};

inline StoreFile file_at(const std::string& path) {
  StoreFile file;
  file.path = path;
  file.store = "counts";
  file.application = "shop";
  file.partition = 3;
  file.lineage = "lineage-1";
  file.key_schema = "string";
  file.value_schema = "int64";
  file.changelog_end = 1'000'000'000;
  return file;
}

template <class V> void put(Store<V>& store, const std::string& key, const V& value, std::int64_t timestamp = 0) {
  auto& row = store.change(bytes(key));
  row.value = value;
  row.timestamp = Timestamp{timestamp};
  row.set_present(true);
}
template <class V> void erase(Store<V>& store, const std::string& key) { store.erase(store.change(bytes(key))); }

/// Key → encoded value and timestamp; no value for a tombstone.
struct Shown {
  std::string value;
  std::int64_t timestamp = 0;
  bool tombstone = false;
  friend bool operator==(const Shown&, const Shown&) = default;
};
inline std::ostream& operator<<(std::ostream& out, const Shown& shown) {
  return shown.tombstone ? out << "tombstone@" << shown.timestamp : out << shown.value << '@' << shown.timestamp;
}
using Table = std::map<std::string, Shown>;

inline void show(Table& table, BytesView key, BytesView value, Timestamp timestamp) {
  table[text(key)] = {value.data() == nullptr ? "" : text(value), timestamp.milliseconds(), value.data() == nullptr};
}

/// What another thread reads of the store: keys and values, in order.
inline std::map<std::string, std::string> snapshot_of(StoreBase& store, const KeyRange& range = {}) {
  std::map<std::string, std::string> rows;
  const auto reader = store.reader();
  auto snapshot = reader != nullptr ? reader->snapshot() : store.copy({&range, 1});
  Status status = snapshot.ok() ? (*snapshot)->seek(range) : snapshot.status();
  for (bool more = status.ok(); more;) {
    const Result<bool> found = (*snapshot)->next();
    status = found.status();
    more = found.ok() && *found;
    if (!more) break;
    const std::string key = text((*snapshot)->key());
    if (!rows.empty() && key <= rows.rbegin()->first) std::abort();  // out of order
    rows[key] = text((*snapshot)->value());
  }
  if (!status.ok()) rows["not ok: " + status.message()];
  return rows;
}

inline Table table_of(StoreBase& store, Contents contents = Contents::current) {
  Table table;
  std::string last;
  const auto status = store.for_each(contents, [&](BytesView key, BytesView value, Timestamp timestamp) {
    if (!table.empty() && text(key) <= last) std::abort();  // out of order
    last = text(key);
    show(table, key, value, timestamp);
  });
  if (!status.ok()) table["not ok: " + status.message()];
  return table;
}

/// Drains in slices and settles; returns what went to the changelog.
inline Table commit(StoreBase& store, std::int64_t changelog_end, std::size_t slice = 7) {
  Table table;
  store.begin_commit();
  while (!store.drain(slice, [&](BytesView key, BytesView value, Timestamp timestamp) { show(table, key, value, timestamp); })) {
  }
  if (const auto status = store.settle(changelog_end); !status.ok()) table["not ok: " + status.message()];
  return table;
}

inline std::string read_file(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}
inline void write_file(const std::string& path, const std::string& content) { std::ofstream{path, std::ios::binary} << content; }

}  // namespace klamm::testing
