#include <atomic>
#include <cassert>
#include <condition_variable>
#include <set>
#include <utility>

#include "log/compaction.hpp"
#include "log/embedded.hpp"
#include "log/forwarding_log.hpp"
#include "log/open_transaction.hpp"
#include "log/shared_groups.hpp"
#include "log/topics.hpp"

namespace klamm::inline v0::log {
namespace {

class MemoryLog final : public Log {
 public:
  using Client = SharedGroups::Client;

  explicit MemoryLog(MemoryOptions options) : options_{options} {
    if (options.clock != nullptr) shared_.emplace(topics_, *options.clock, options.session);
  }

  [[nodiscard]] std::string where() const override { return "memory"; }
  [[nodiscard]] Partition default_partitions() const override { return options_.default_partitions; }

  Result<std::optional<TopicState>> topic(const std::string& name) override;
  Status create(std::span<const TopicState> topics) override;
  Status remove(std::span<const std::string> topics) override;
  Result<Bounds> bounds(const TopicPartition& tp) override;
  Status purge(const TopicPartition& tp, Offset before) override;
  void restored_from(const TopicPartition& tp, Offset from) override;
  Result<std::unique_ptr<Reader>> reader(const TopicPartition& tp, Offset from, std::function<void()> wake) override;
  Result<std::unique_ptr<Producer>> producer(const std::string& name, Guarantee guarantee, std::function<void()> wake) override;
  Result<std::unique_ptr<Inlet>> inlet(const std::string& topic, const std::string& feeder) override;
  Result<std::optional<std::int64_t>> feed_position(const std::string& feeder) override;
  Result<std::unique_ptr<Member>> join(const std::string& group, std::vector<std::string> topics, GroupListener& listener) override;
  Result<std::vector<std::optional<Committed>>> committed(const std::string& group, std::span<const TopicPartition> partitions) override;
  Status forget(const std::string& group) override;
  Status reset(const std::string& group, std::span<const std::string> topics) override {
    static_cast<void>(forget(group));
    return remove(topics);
  }

 private:
  friend class MemoryProducer;
  friend class MemoryInlet;
  friend class MemoryClient;

  [[nodiscard]] Client new_client() { return ++clients_; }
  Result<std::unique_ptr<Producer>> producer(Client client, std::function<void()> wake);
  Result<std::unique_ptr<Member>> join(Client client, const std::string& group, const std::vector<std::string>& topics,
                                       GroupListener& listener);
  GroupDescription describe(Client client, const std::string& group) {
    return shared_ ? shared_->describe(client, group) : GroupDescription{};
  }
  Status commit(Client client, std::vector<PartitionWrites> writes, const std::string& group, std::vector<OffsetCommit> offsets,
                std::vector<FeedPosition> positions);
  void added(PartitionLog& partition, std::int64_t records);
  static void compact(PartitionLog& partition);

  const MemoryOptions options_;
  Topics topics_;
  Groups groups_;
  std::optional<SharedGroups> shared_;  // instead, with a clock
  std::atomic<Client> clients_ = 0;
  std::mutex mutex_;  // one write at a time; guards all below and the partitions' upkeep
  std::condition_variable room_;
  std::map<std::string, std::map<TopicPartition, Committed>> committed_;
  std::map<std::string, std::int64_t> feed_positions_;
  std::set<std::string> feeders_;  // those with an inlet
};

class MemoryProducer final : public Producer {
 public:
  MemoryProducer(MemoryLog& log, SharedGroups::Client client, std::function<void()> wake)
      : log_{log}, client_{client}, wake_{std::move(wake)} {}

  Result<Topic> topic(const std::string& name) override {
    if (const auto known = numbers_.find(name); known != numbers_.end()) return known->second;
    auto topic = log_.topics_.get(name);
    if (!topic.ok()) return topic.status();
    const Topic number = open_.add(topic->partitions);
    numbers_.emplace(name, number);
    return number;
  }
  void append(Topic topic, Partition partition, BytesView key, BytesView value, Timestamp timestamp, BytesView headers) override {
    assert(open_.has(topic, partition));
    open_.append(topic, partition, key, value, timestamp, headers);
  }
  [[nodiscard]] std::size_t pending_bytes() const override { return open_.bytes(); }

  void prepare() override {
    assert(!outcome_ && !prepared_);
    writes_ = open_.take();
    prepared_ = Prepared{{}, ends_of(writes_)};
  }
  std::optional<Prepared> prepared() override { return std::exchange(prepared_, std::nullopt); }
  void commit(const std::string& group, std::vector<OffsetCommit> offsets, std::vector<FeedPosition> positions) override {
    assert(!outcome_ && !prepared_);
    outcome_ = CommitOutcome{log_.commit(client_, std::exchange(writes_, {}), group, std::move(offsets), std::move(positions))};
    if (wake_) wake_();
  }
  std::optional<CommitOutcome> poll() override {
    std::optional<CommitOutcome> ended;
    ended.swap(outcome_);
    if (ended && ended->status.code() == Code::aborted) open_.clear();
    return ended;
  }
  void abort() override {
    open_.clear();
    writes_.clear();
    prepared_.reset();
  }

 private:
  MemoryLog& log_;
  const SharedGroups::Client client_;
  const std::function<void()> wake_;
  std::map<std::string, Topic> numbers_;
  OpenTransaction open_{OpenTransaction::Checksums::no};
  std::vector<PartitionWrites> writes_;  // prepared
  std::optional<Prepared> prepared_;
  std::optional<CommitOutcome> outcome_;
};

class MemoryInlet final : public Inlet {
 public:
  MemoryInlet(MemoryLog& log, Topics::Topic topic, std::string feeder) : log_{log}, topic_{std::move(topic)}, feeder_{std::move(feeder)} {}
  ~MemoryInlet() override {
    const std::lock_guard lock{log_.mutex_};
    log_.feeders_.erase(feeder_);
  }

  Status send(Partition partition, BytesView key, BytesView value, Timestamp timestamp, BytesView headers,
              std::optional<std::int64_t> position) override {
    if (Status status = check(partition, position.has_value()); !status.ok()) return status;
    {
      std::unique_lock lock{log_.mutex_};
      log_.room_.wait(lock, [&] { return closed_ || has_room(partition); });
      if (closed_) return closed();
      put(partition, key, value, timestamp, headers);
      if (position) log_.feed_positions_[feeder_] = *position;
    }
    at(partition).wake_readers();
    return {};
  }
  Result<bool> try_send(Partition partition, BytesView key, BytesView value, Timestamp timestamp, BytesView headers) override {
    if (Status status = check(partition, false); !status.ok()) return status;
    {
      const std::lock_guard lock{log_.mutex_};
      if (closed_) return closed();
      if (!has_room(partition)) return false;
      put(partition, key, value, timestamp, headers);
    }
    at(partition).wake_readers();
    return true;
  }
  Status flush() override { return {}; }
  void close() override {
    {
      const std::lock_guard lock{log_.mutex_};
      closed_ = true;
    }
    log_.room_.notify_all();
  }

 private:
  [[nodiscard]] Status closed() const {
    return {Code::cancelled, "topic \"" + topic_.state.name + "\": the inlet was closed", topic_.state.name};
  }
  [[nodiscard]] PartitionLog& at(Partition partition) const { return *topic_.partitions[static_cast<std::size_t>(partition)]; }

  [[nodiscard]] Status check(Partition partition, bool positioned) const {
    const std::string& name = topic_.state.name;
    if (partition < 0 || partition >= topic_.state.partitions) {
      return {Code::invalid_argument, "topic \"" + name + "\": has no partition " + std::to_string(partition), name};
    }
    if (positioned && feeder_.empty())
      return {Code::failed_precondition, "topic \"" + name + "\": an inlet without a feeder keeps no positions", name};
    if (at(partition).removed()) return {Code::not_found, "topic \"" + name + "\": was removed", name};
    return {};
  }
  [[nodiscard]] bool has_room(Partition partition) const {
    const auto& options = log_.options_;
    // Waiting makes sense only where commits make room, and somebody commits.
    return options.inlet_bytes == 0 || options.retention != MemoryOptions::Retention::until_committed ||
           topic_.state.cleanup != Cleanup::keep || at(partition).bytes() < options.inlet_bytes || !log_.groups_.reads(topic_.state.name);
  }
  void put(Partition partition, BytesView key, BytesView value, Timestamp timestamp, BytesView headers) {
    at(partition).publish({.key = key, .value = value, .timestamp = timestamp, .headers = headers});
    log_.added(at(partition), 1);
  }

  MemoryLog& log_;
  const Topics::Topic topic_;
  const std::string feeder_;
  bool closed_ = false;
};

Status MemoryLog::commit(Client client, std::vector<PartitionWrites> writes, const std::string& group, std::vector<OffsetCommit> offsets,
                         std::vector<FeedPosition> positions) {
  for (const auto& write : writes) {
    const std::string& name = write.partition->name().topic;
    if (write.partition->removed()) return {Code::not_found, "topic \"" + name + "\": was removed", name};
  }
  {
    const std::lock_guard lock{mutex_};
    if (shared_ && !offsets.empty()) {
      if (Status status = shared_->may_commit(client, group, offsets); !status.ok()) return status;
    }
    for (auto& [topic, partition, batches] : writes) {
      Offset next = partition->bounds().end;
      std::int64_t records = 0;
      for (const auto& batch : batches) {
        batch->assign(next);
        next = batch->next_offset();
        records += batch->count();
      }
      partition->publish(batches);
      added(*partition, records);
    }
    for (auto& position : positions) feed_positions_[position.feeder] = position.position;
    for (auto& offset : offsets) {
      if (options_.retention == MemoryOptions::Retention::until_committed) {
        auto partition = topics_.get(offset.input);
        if (partition.ok() && (*partition)->cleanup() == Cleanup::keep) (*partition)->purge(offset.committed.offset);
      }
      committed_[group][offset.input] = std::move(offset.committed);
    }
  }
  room_.notify_all();
  for (const auto& write : writes) write.partition->wake_readers();
  return {};
}

void MemoryLog::added(PartitionLog& partition, std::int64_t records) {
  partition.upkeep.records += records;
  if (compacts(partition.cleanup()) && partition.upkeep.due(options_.compact_at_least)) compact(partition);
}

void MemoryLog::compact(PartitionLog& partition) {
  NewestOffsets newest{SIZE_MAX};
  std::vector<RawMessage> messages;
  const auto batches = partition.batches();
  const auto each = [&](auto&& use) {
    for (const auto& batch : batches) {
      [[maybe_unused]] const bool whole = batch->decode(partition.name().partition, messages);
      assert(whole);
      for (const auto& message : messages) use(message);
    }
  };
  each([&](const RawMessage& message) { newest.add(message); });
  Upkeep& upkeep = partition.upkeep;
  const Bounds bounds = partition.bounds();
  const Survival survival{newest, bounds.begin, upkeep.clean, partition.slowest_reader(upkeep.seen)};
  Rewriter rewriter;
  std::int64_t live = 0;
  each([&](const RawMessage& message) { live += survival.keeps(message) ? 1 : 0; });
  upkeep.live = live;
  // The usual growth doubles what is live before it is looked at again, so that a look costs little per record.
  if (2 * live >= upkeep.records) return;
  each([&](const RawMessage& message) {
    if (survival.keeps(message)) rewriter.add(message);
  });
  auto rewritten = rewriter.take();
  partition.replace({rewritten.begin(), rewritten.end()});
  upkeep.records = live;
  upkeep.clean = bounds.end;
}

Result<std::optional<TopicState>> MemoryLog::topic(const std::string& name) {
  const auto found = topics_.find(name);
  if (!found) return std::optional<TopicState>{};
  return std::optional{found->state};
}

Status MemoryLog::create(std::span<const TopicState> topics) {
  const std::lock_guard lock{mutex_};
  auto missing = topics_.missing(topics);
  if (!missing.ok()) return missing.status();
  for (const auto& state : *missing) {
    Topics::Topic topic{state, {}};
    for (Partition p = 0; p < state.partitions; ++p) {
      topic.partitions.push_back(std::make_shared<PartitionLog>(TopicPartition{state.name, p}, state.cleanup, 0, Bounds{}));
    }
    topics_.add(std::move(topic));
  }
  return {};
}

Status MemoryLog::remove(std::span<const std::string> topics) {
  const std::lock_guard lock{mutex_};
  for (const auto& name : topics) {
    topics_.remove(name);
    for (auto& [group, offsets] : committed_) std::erase_if(offsets, [&](const auto& entry) { return entry.first.topic == name; });
  }
  room_.notify_all();
  return {};
}

Result<Bounds> MemoryLog::bounds(const TopicPartition& tp) {
  auto partition = topics_.get(tp);
  if (!partition.ok()) return partition.status();
  return (*partition)->bounds();
}

Status MemoryLog::purge(const TopicPartition& tp, Offset before) {
  const std::lock_guard lock{mutex_};
  auto partition = topics_.get(tp);
  if (!partition.ok()) return partition.status();
  const Offset end = (*partition)->bounds().end;
  if (before > end) {
    const std::string name = to_string(tp);
    return {Code::out_of_range,
            "partition " + name + ": can't purge up to " + std::to_string(before) + ", it ends at " + std::to_string(end), name};
  }
  (*partition)->purge(before);
  return {};
}

void MemoryLog::restored_from(const TopicPartition& tp, Offset from) {
  if (shared_) return;
  const std::lock_guard lock{mutex_};
  if (auto partition = topics_.get(tp); partition.ok()) (*partition)->upkeep.seen = std::max((*partition)->upkeep.seen, from);
}

Result<std::unique_ptr<Reader>> MemoryLog::reader(const TopicPartition& tp, Offset from, std::function<void()> wake) {
  auto partition = topics_.get(tp);
  if (!partition.ok()) return partition.status();
  return std::unique_ptr<Reader>{std::make_unique<PartitionReader>(*std::move(partition), from, std::move(wake), nullptr)};
}

Result<std::unique_ptr<Producer>> MemoryLog::producer(const std::string&, Guarantee, std::function<void()> wake) {
  return producer(Client{}, std::move(wake));
}

Result<std::unique_ptr<Producer>> MemoryLog::producer(Client client, std::function<void()> wake) {
  return std::unique_ptr<Producer>{std::make_unique<MemoryProducer>(*this, client, std::move(wake))};
}

Result<std::unique_ptr<Inlet>> MemoryLog::inlet(const std::string& topic, const std::string& feeder) {
  auto found = topics_.get(topic);
  if (!found.ok()) return found.status();
  if (!feeder.empty()) {
    const std::lock_guard lock{mutex_};
    if (!feeders_.insert(feeder).second)
      return Status{Code::failed_precondition, "feeder \"" + feeder + "\": is open already: its positions can have one source only",
                    feeder};
  }
  return std::unique_ptr<Inlet>{std::make_unique<MemoryInlet>(*this, *std::move(found), feeder)};
}

Result<std::optional<std::int64_t>> MemoryLog::feed_position(const std::string& feeder) {
  const std::lock_guard lock{mutex_};
  const auto found = feed_positions_.find(feeder);
  return found == feed_positions_.end() ? std::optional<std::int64_t>{} : std::optional{found->second};
}

Result<std::unique_ptr<Member>> MemoryLog::join(const std::string& group, std::vector<std::string> topics, GroupListener& listener) {
  return join(Client{}, group, topics, listener);
}

Result<std::unique_ptr<Member>> MemoryLog::join(Client client, const std::string& group, const std::vector<std::string>& topics,
                                                GroupListener& listener) {
  if (shared_) return shared_->join(client, group, topics, listener);
  return groups_.join(topics_, group, topics, listener, [this] { room_.notify_all(); });
}

Result<std::vector<std::optional<Committed>>> MemoryLog::committed(const std::string& group, std::span<const TopicPartition> partitions) {
  const std::lock_guard lock{mutex_};
  std::vector<std::optional<Committed>> result(partitions.size());
  const auto& offsets = committed_[group];
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    if (const auto found = offsets.find(partitions[i]); found != offsets.end()) result[i] = found->second;
  }
  return result;
}

Status MemoryLog::forget(const std::string& group) {
  const std::lock_guard lock{mutex_};
  committed_.erase(group);
  return {};
}

class MemoryClient final : public ForwardingLog {
 public:
  explicit MemoryClient(MemoryLog& log) : ForwardingLog{log}, memory_{log}, client_{log.new_client()} {}

  Result<std::unique_ptr<Producer>> producer(const std::string&, Guarantee, std::function<void()> wake) override {
    return memory_.producer(client_, std::move(wake));
  }
  Result<std::unique_ptr<Member>> join(const std::string& group, std::vector<std::string> topics, GroupListener& listener) override {
    return memory_.join(client_, group, topics, listener);
  }
  Result<GroupDescription> describe(const std::string& group) override { return memory_.describe(client_, group); }

 private:
  MemoryLog& memory_;
  const SharedGroups::Client client_;
};

}  // namespace

std::unique_ptr<Log> memory_client(Log& memory) { return std::make_unique<MemoryClient>(static_cast<MemoryLog&>(memory)); }
std::unique_ptr<Log> memory_log(MemoryOptions options) { return std::make_unique<MemoryLog>(options); }

}  // namespace klamm::inline v0::log
