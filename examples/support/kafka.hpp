#pragma once

#include <chrono>
#include <cstdio>
#include <klamm/klamm.hpp>
#include <map>
#include <optional>
#include <string>
#include <thread>

#include "live_view.hpp"
#include "stop_on_signal.hpp"

namespace example {

/// Waits for a broker as long as nobody stops it.
inline klamm::Status connect(klamm::Client& client, const StopOnSignal& signals) {
  klamm::Status status = client.open(std::chrono::seconds{1});
  while (status.code() == klamm::Code::unavailable && !signals.caught()) status = client.open(std::chrono::seconds{1});
  return status;
}

/// Makes the topic if it is missing. A count that was asked for (not 0) must be the one it has.
template <class K, class V> klamm::Status make_topic(klamm::Client& client, const klamm::Topic<K, V>& topic, int asked) {
  constexpr int usual = 4;
  const klamm::Result<int> found = client.partitions(topic.name());
  if (!found.ok()) return found.status();
  return *found != 0 && asked == 0 ? klamm::Status{} : client.create(topic.partitions(asked != 0 ? asked : usual));
}

/// Waits until all that is in the topics has been counted, by whichever process, and has been so for a second.
inline klamm::Status settle(klamm::App& app) {
  using Clock = std::chrono::steady_clock;
  for (auto since = Clock::now(); Clock::now() - since < std::chrono::seconds{1};
       std::this_thread::sleep_for(std::chrono::milliseconds{50})) {
    const klamm::Result<bool> drained = app.drain(std::chrono::milliseconds{100});
    if (!drained.ok()) return drained.status();
    if (!*drained) since = Clock::now();
  }
  return {};
}

/// The whole table as its changelog has it, whoever keeps it: sorted by word bytewise, to stdout.
inline klamm::Status dump_changelog(klamm::Client& client, const std::string& topic) {
  const klamm::Topic<std::string, std::optional<std::int64_t>> changelog{topic.c_str()};
  std::map<std::string, std::int64_t> counts;
  klamm::Status status = client.read(changelog, [&counts](const auto& record) {
    if (record.value)
      counts[record.key] = *record.value;  // the last one holds
    else
      counts.erase(record.key);
  });
  if (!status.ok()) return status;
  for (const auto& [word, count] : counts) std::printf("%s\t%lld\n", word.c_str(), static_cast<long long>(count));
  return flush_stdout();
}

/// Counts as one of many processes until it is stopped.
inline klamm::Status count(klamm::App& app) {
  const klamm::Status status = app.start();
  return status.ok() ? app.wait() : status;
}

/// Counts with the others until nothing is left, and writes the whole table.
inline klamm::Status dump(klamm::App& app, klamm::Client& client, const std::string& changelog) {
  klamm::Status status = app.start();
  if (status.ok()) status = settle(app);
  return status.ok() ? dump_changelog(client, changelog) : status;
}

}  // namespace example
