#include <algorithm>
#include <cstring>
#include <filesystem>

#include "log/directory_inlet.hpp"
#include "log/directory_lock.hpp"
#include "log/directory_producer.hpp"
#include "log/housekeeper.hpp"

namespace klamm::inline v0::log {
namespace {

/// The log in a directory: the lock, the file, the log thread and a background thread.
class DirectoryLog final : public Log {
 public:
  explicit DirectoryLog(const EmbeddedOptions& options) : core_{options} {}
  ~DirectoryLog() override;
  Status open();

  [[nodiscard]] std::string where() const override { return core_.options.directory; }
  [[nodiscard]] Partition default_partitions() const override { return core_.file.default_partitions(); }
  Result<std::optional<TopicState>> topic(const std::string& name) override;
  Status create(std::span<const TopicState> topics) override;
  Status remove(std::span<const std::string> topics) override;
  Result<Bounds> bounds(const TopicPartition& tp) override;
  Status purge(const TopicPartition& tp, Offset before) override;
  void restored_from(const TopicPartition& tp, Offset from) override;
  Result<std::unique_ptr<Reader>> reader(const TopicPartition& tp, Offset from, std::function<void()> wake) override;
  Result<std::unique_ptr<Producer>> producer(const std::string& name, Guarantee guarantee, std::function<void()> wake) override;
  Result<std::unique_ptr<Inlet>> inlet(const std::string& topic, const std::string& feeder) override;
  Result<std::optional<std::int64_t>> feed_position(const std::string& feeder) override { return core_.reader.feed_position(feeder); }
  Result<std::unique_ptr<Member>> join(const std::string& group, std::vector<std::string> topics, GroupListener& listener) override {
    return core_.groups.join(core_.topics, group, topics, listener, nullptr);
  }
  Result<std::vector<std::optional<Committed>>> committed(const std::string& group, std::span<const TopicPartition> partitions) override {
    return core_.reader.committed(group, partitions);
  }
  Status forget(const std::string& group) override;
  Status reset(const std::string& group, std::span<const std::string> topics) override;

 private:
  Status remove_and_forget(std::span<const std::string> topics, const std::string* group);
  Status make_directory() const;
  Status load();

  DirectoryLock lock_;  // first: given up last
  DirectoryCore core_;
  std::shared_ptr<Housekeeper> housekeeper_;
};

DirectoryLog::~DirectoryLog() {
  if (core_.writer == nullptr) return;
  // Passes of compaction need the log thread to end; what it posts from now on sees `stopping` and does nothing.
  core_.stopping = true;
  core_.background->drain();
  core_.writer.reset();
  core_.background.reset();
}

Status DirectoryLog::make_directory() const {
  const std::string& directory = core_.options.directory;
  if (directory.empty()) return {Code::invalid_argument, "the log's directory has no name"};
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return {Code::failed_precondition, "directory \"" + directory + "\": can't be made: " + error.message(), directory};
  return {};
}

Status DirectoryLog::open() {
  const auto& options = core_.options;
  if (Status status = make_directory(); !status.ok()) return status;
  if (Status status = lock_.acquire(options.directory); !status.ok()) return status;
  for (const auto partitions : {options.default_partitions.value_or(1), options.new_directory_partitions}) {
    if (partitions < 1) {
      return {Code::invalid_argument, "directory \"" + options.directory + "\": can't have " + std::to_string(partitions) + " partitions"};
    }
  }
  Status status = core_.file.open({.directory = options.directory,
                                   .application_id = options.application_id,
                                   .default_partitions = options.default_partitions,
                                   .new_directory_partitions = options.new_directory_partitions,
                                   .max_bytes = options.max_file_bytes});
  if (!status.ok()) return status;
  if (status = load(); !status.ok()) return status;
  core_.background = ports::background_thread("klamm-log-back");
  core_.writer = std::make_unique<LogWriter>(core_.file);
  core_.writer->on_commit([this](int wal_pages) { core_.committed(wal_pages); });
  housekeeper_ = std::make_shared<Housekeeper>(*core_.writer);
  return {};
}

Status DirectoryLog::load() {
  auto stored = core_.file.load();
  if (!stored.ok()) return stored.status();
  for (std::size_t i = 0; i < stored->size();) {
    Topics::Topic topic{(*stored)[i].topic, {}};
    for (; i < stored->size() && (*stored)[i].topic.name == topic.state.name; ++i) {
      const auto& one = (*stored)[i];
      const TopicPartition name{one.topic.name, one.partition};
      topic.partitions.push_back(std::make_shared<PartitionLog>(name, one.topic.cleanup, one.id, one.bounds));
      topic.partitions.back()->upkeep = one.upkeep;
    }
    if (std::ssize(topic.partitions) != topic.state.partitions) {
      return {Code::data_loss, "log \"" + core_.file.path() + "\": topic \"" + topic.state.name + "\" lacks partitions", core_.file.path()};
    }
    core_.topics.add(std::move(topic));
  }
  return {};
}

Result<std::optional<TopicState>> DirectoryLog::topic(const std::string& name) {
  const auto found = core_.topics.find(name);
  if (!found) return std::optional<TopicState>{};
  return std::optional{found->state};
}

Status DirectoryLog::create(std::span<const TopicState> topics) {
  auto missing = core_.topics.missing(topics);
  if (!missing.ok() || missing->empty()) return missing.status();
  // Checked again by the log thread, the only one that adds topics; added at once, so that the work behind it in the same group sees them.
  return Call::run(
      *core_.writer,
      [&](LogFile& file) -> Call::Done {
        auto still_missing = core_.topics.missing(topics);
        if (!still_missing.ok()) return {{}, still_missing.status()};
        for (const auto& state : *still_missing) {
          auto ids = file.create(state);
          if (!ids.ok()) return {ids.status(), {}};
          Topics::Topic topic{state, {}};
          for (Partition p = 0; p < state.partitions; ++p) {
            const auto id = (*ids)[static_cast<std::size_t>(p)];
            topic.partitions.push_back(std::make_shared<PartitionLog>(TopicPartition{state.name, p}, state.cleanup, id, Bounds{}));
          }
          core_.topics.add(std::move(topic));
        }
        return {};
      },
      nullptr);
}

Status DirectoryLog::remove(std::span<const std::string> topics) { return remove_and_forget(topics, nullptr); }

Status DirectoryLog::reset(const std::string& group, std::span<const std::string> topics) { return remove_and_forget(topics, &group); }

Status DirectoryLog::remove_and_forget(std::span<const std::string> topics, const std::string* group) {
  return Call::run(
      *core_.writer,
      [&](LogFile& file) -> Call::Done {
        if (group != nullptr) {
          if (Status broken = file.forget(*group); !broken.ok()) return {std::move(broken), {}};
        }
        for (const auto& name : topics) {
          const auto topic = core_.topics.find(name);
          if (!topic) continue;
          core_.topics.remove(name);
          if (Status broken = file.remove(name, topic->partitions); !broken.ok()) return {std::move(broken), {}};
        }
        return {};
      },
      nullptr);
}

Result<Bounds> DirectoryLog::bounds(const TopicPartition& tp) {
  auto partition = core_.topics.get(tp);
  if (!partition.ok()) return partition.status();
  return (*partition)->bounds();
}

Status DirectoryLog::purge(const TopicPartition& tp, Offset before) {
  auto partition = core_.topics.get(tp);
  if (!partition.ok()) return partition.status();
  if (const Offset end = (*partition)->bounds().end; before > end) {
    const std::string name = to_string(tp);
    return {Code::out_of_range,
            "partition " + name + ": can't purge up to " + std::to_string(before) + ", it ends at " + std::to_string(end), name};
  }
  if ((*partition)->purge(before)) housekeeper_->purge(*partition);
  return {};
}

void DirectoryLog::restored_from(const TopicPartition& tp, Offset from) {
  if (auto partition = core_.topics.get(tp); partition.ok()) housekeeper_->seen(*partition, from);
}

Result<std::unique_ptr<Reader>> DirectoryLog::reader(const TopicPartition& tp, Offset from, std::function<void()> wake) {
  auto partition = core_.topics.get(tp);
  if (!partition.ok()) return partition.status();
  const auto load = [this](const PartitionLog& log, Offset position) { return core_.reader.load(log, position); };
  return std::unique_ptr<Reader>{std::make_unique<PartitionReader>(*std::move(partition), from, std::move(wake), load)};
}

Result<std::unique_ptr<Producer>> DirectoryLog::producer(const std::string&, Guarantee, std::function<void()> wake) {
  return std::unique_ptr<Producer>{std::make_unique<DirectoryProducer>(core_, std::move(wake))};
}

Result<std::unique_ptr<Inlet>> DirectoryLog::inlet(const std::string& topic, const std::string& feeder) {
  auto found = core_.topics.get(topic);
  if (!found.ok()) return found.status();
  if (!feeder.empty()) {
    const std::lock_guard lock{core_.feeders_mutex};
    if (std::find(core_.feeders.begin(), core_.feeders.end(), feeder) != core_.feeders.end()) {
      return Status{Code::failed_precondition, "feeder \"" + feeder + "\": is open already: its positions can have one source only",
                    feeder};
    }
    core_.feeders.push_back(feeder);
  }
  return std::unique_ptr<Inlet>{std::make_unique<DirectoryInlet>(core_, *std::move(found), feeder)};
}

Status DirectoryLog::forget(const std::string& group) {
  return Call::run(
      *core_.writer,
      [&](LogFile& file) -> Call::Done {
        return {file.forget(group), {}};
      },
      nullptr);
}

}  // namespace

bool holds_log(const std::string& directory) { return std::filesystem::exists(std::filesystem::path{directory} / LogFile::name); }

Result<std::unique_ptr<Log>> open_embedded(EmbeddedOptions options) {
  auto log = std::make_unique<DirectoryLog>(options);
  if (Status status = log->open(); !status.ok()) return status;
  return std::unique_ptr<Log>{std::move(log)};
}

}  // namespace klamm::inline v0::log
