#pragma once

#include <doctest/doctest.h>
#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "log/embedded.hpp"

namespace klamm::log::test {

/// A directory that goes away with the object.
class TemporaryDirectory {
 public:
  explicit TemporaryDirectory(const std::filesystem::path& in = std::filesystem::temp_directory_path()) {
    std::string name = (in / "klamm-log-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline BytesView bytes(std::string_view text) { return std::as_bytes(std::span{text.data(), text.size()}); }
inline std::string text(BytesView bytes) {
  return bytes.data() == nullptr ? "null" : std::string{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// "offset key=value" of one message, in the shortest form that tests can compare.
inline std::string show(const RawMessage& message) {
  return std::to_string(message.offset) + ' ' + text(message.key) + '=' + text(message.value);
}
using Lines = std::vector<std::string>;

/// All that a reader finds up to the end.
inline Lines read_all(Reader& reader) {
  Lines lines;
  for (;;) {
    const auto polled = reader.poll(1'000, [&](std::span<const RawMessage> messages) {
      for (const auto& message : messages) lines.push_back(show(message));
      return messages.size();
    });
    REQUIRE_MESSAGE(polled.ok(), polled.status().message());
    if (*polled == 0) return lines;
  }
}
inline Lines read_all(Log& log, const TopicPartition& tp) {
  auto bounds = log.bounds(tp);
  REQUIRE(bounds.ok());
  auto reader = log.reader(tp, bounds->begin, nullptr);
  REQUIRE(reader.ok());
  return read_all(**reader);
}

/// What a commit in flight ends as.
inline Status outcome(Producer& producer) {
  for (int i = 0; i < 10'000; ++i) {
    if (auto ended = producer.poll()) return ended->status;
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  return {Code::internal, "the commit did not end"};
}
/// Begins a commit.
inline void begin_commit(Producer& producer, std::vector<OffsetCommit> offsets = {}, std::vector<FeedPosition> positions = {}) {
  producer.prepare();
  const auto prepared = producer.prepared();
  REQUIRE((prepared && prepared->status.ok()));
  producer.commit("group", std::move(offsets), std::move(positions));
}
inline Status commit(Producer& producer, std::vector<OffsetCommit> offsets = {}, std::vector<FeedPosition> positions = {}) {
  begin_commit(producer, std::move(offsets), std::move(positions));
  return outcome(producer);
}

/// Whether `done` comes true within ten seconds.
inline bool eventually(const std::function<bool()>& done) {
  for (int i = 0; i < 10'000; ++i) {
    if (done()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  return false;
}

inline std::unique_ptr<Log> open(EmbeddedOptions options) {
  if (options.application_id.empty()) options.application_id = "app";
  auto log = open_embedded(std::move(options));
  REQUIRE_MESSAGE(log.ok(), log.status().message());
  return *std::move(log);
}

}  // namespace klamm::log::test
