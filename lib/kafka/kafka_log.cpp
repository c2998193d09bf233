#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <thread>

#include "kafka/inlet.hpp"
#include "kafka/member.hpp"
#include "kafka/producer.hpp"
#include "kafka/reader.hpp"
#include "kafka/take_over.hpp"

namespace klamm::inline v0::rdkafka {
namespace {

constexpr int first_look_ms = 2'000;

/// The log on a cluster: what its handles share, and a thread that sees to what nobody waits for.
class KafkaLog final : public log::Log {
 public:
  explicit KafkaLog(KafkaOptions options) : cluster_{std::move(options)}, admin_callbacks_{cluster_}, fetchers_{cluster_} {}
  ~KafkaLog() override;
  Status open();

  [[nodiscard]] std::string where() const override { return cluster_.where(); }
  [[nodiscard]] bool connected() const override { return !cluster_.away(); }
  [[nodiscard]] bool shows_commits_late() const override { return true; }
  [[nodiscard]] log::Partition default_partitions() const override { return cluster_.options().default_partitions; }

  Result<std::optional<log::TopicState>> topic(const std::string& name) override;
  Status create(std::span<const log::TopicState> topics) override { return admin_->create(topics); }
  Status remove(std::span<const std::string> topics) override { return admin_->remove(topics); }
  Result<log::Bounds> bounds(const log::TopicPartition& tp) override { return admin_->bounds(tp); }
  Status purge(const log::TopicPartition& tp, log::Offset before) override;
  // Brokers keep tombstones for delete.retention.ms, whoever may have read them.
  void restored_from(const log::TopicPartition&, log::Offset) override {}

  Result<std::unique_ptr<log::Reader>> reader(const log::TopicPartition& tp, log::Offset from, std::function<void()> wake) override;
  Result<std::unique_ptr<log::Producer>> producer(const std::string& name, Guarantee guarantee, std::function<void()> wake) override {
    return Producer::open({cluster_, *admin_, *groups_}, name, guarantee, std::move(wake));
  }
  Result<std::unique_ptr<log::Inlet>> inlet(const std::string& topic, const std::string& feeder) override;
  Result<std::optional<std::int64_t>> feed_position(const std::string& feeder) override { return no_feeders(feeder); }

  Result<std::unique_ptr<log::Member>> join(const std::string& group, std::vector<std::string> topics,
                                            log::GroupListener& listener) override;
  Result<log::GroupDescription> describe(const std::string& group) override { return groups_->describe(group); }
  Result<std::vector<std::optional<log::Committed>>> committed(const std::string& group,
                                                               std::span<const log::TopicPartition> partitions) override;
  Status forget(const std::string& group) override { return admin_->forget(group); }
  // The group first: while it has members nothing goes. Done again it goes on where it was interrupted.
  Status reset(const std::string& group, std::span<const std::string> topics) override {
    if (Status status = admin_->forget(group); !status.ok()) return status;
    const std::string marks = cluster_.marks_topic();
    if (Status status = admin_->remove(std::span{&marks, 1}); !status.ok()) return status;
    return admin_->remove(topics);
  }

 private:
  static Status no_feeders(const std::string& feeder) {
    return {Code::failed_precondition, "feeder \"" + feeder + "\": its position can be kept on the embedded log only", feeder};
  }
  /// A mark that is too long for metadata.
  Result<std::string> far_mark(log::Offset at);
  void keep_house();
  void purge_what_is_due();

  Cluster cluster_;
  Callbacks admin_callbacks_;
  std::unique_ptr<Admin> admin_;
  std::unique_ptr<Groups> groups_;
  std::unique_ptr<TakeOver> take_over_;
  Fetchers fetchers_;
  std::mutex inlets_mutex_;
  std::unique_ptr<InletProducer> inlets_;

  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;
  std::map<log::TopicPartition, log::Offset> to_purge_;
  std::thread house_;
};

KafkaLog::~KafkaLog() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  stop_.notify_all();
  if (house_.joinable()) house_.join();
}

Status KafkaLog::open() {
  if (Status status = check_settings(cluster_.options()); !status.ok()) return status;
  auto admin = Admin::connect(cluster_, admin_callbacks_);
  if (!admin.ok()) return admin.status();
  admin_ = std::move(*admin);
  groups_ = std::make_unique<Groups>(cluster_, *admin_);
  take_over_ = std::make_unique<TakeOver>(cluster_, *admin_);
  cluster_.set_away(!admin_->reachable(std::min(cluster_.timeout_ms(), first_look_ms)));
  house_ = std::thread{[this] { keep_house(); }};
  pthread_setname_np(house_.native_handle(), "klamm-kafka");
  return {};
}

void KafkaLog::keep_house() {
  for (bool hungry = false;;) {
    {
      std::unique_lock lock{mutex_};
      if (stop_.wait_for(lock, std::chrono::milliseconds{hungry ? 10 : 50}, [this] { return stopping_; })) return;
    }
    admin_->serve();
    hungry = fetchers_.serve();
    const bool away = cluster_.away();
    if (cluster_.take_suspicion() || away) cluster_.set_away(!admin_->reachable(away ? 500 : 2'000));
    purge_what_is_due();
  }
}

void KafkaLog::purge_what_is_due() {
  std::map<log::TopicPartition, log::Offset> due;
  {
    const std::lock_guard lock{mutex_};
    due.swap(to_purge_);
  }
  if (due.empty() || cluster_.away()) return;
  // Not worth another try: the next commit asks for more.
  if (Status status = admin_->purge(due); !status.ok()) cluster_.line(Level::warning, status.message());
}

Status KafkaLog::purge(const log::TopicPartition& tp, log::Offset before) {
  const std::lock_guard lock{mutex_};
  log::Offset& due = to_purge_[tp];
  due = std::max(due, before);
  return {};
}

Result<std::optional<log::TopicState>> KafkaLog::topic(const std::string& name) {
  auto info = admin_->topic(name);
  if (!info.ok()) return info.status();
  if (!*info) return std::optional<log::TopicState>{};
  return std::optional{std::move((*info)->state)};
}

Result<std::unique_ptr<log::Reader>> KafkaLog::reader(const log::TopicPartition& tp, log::Offset from, std::function<void()> wake) {
  auto place = fetchers_.place(tp);
  if (!place.ok()) return place.status();
  return Reader::open(std::move(*place), from, std::move(wake));
}

Result<std::vector<std::optional<log::Committed>>> KafkaLog::committed(const std::string& group,
                                                                       std::span<const log::TopicPartition> partitions) {
  auto kept = admin_->committed(group, partitions);
  if (!kept.ok()) {
    if (kept.status().code() == Code::unavailable && !cluster_.away()) take_over_->suspect(group);
    return kept.status();
  }
  std::vector<std::optional<log::Committed>> result(kept->size());
  for (std::size_t i = 0; i < kept->size(); ++i) {
    if (!(*kept)[i]) continue;
    auto& [offset, metadata] = *(*kept)[i];
    if (metadata.far) {
      auto mark = far_mark(*metadata.far);
      if (!mark.ok()) return mark.status();
      metadata.mark = *std::move(mark);
    }
    result[i] = log::Committed{offset, std::move(metadata.mark)};
  }
  return result;
}

Result<std::string> KafkaLog::far_mark(log::Offset at) {
  const log::TopicPartition marks{cluster_.marks_topic(), 0};
  auto reader = this->reader(marks, at, nullptr);
  if (!reader.ok()) return reader.status();
  std::optional<std::string> mark;
  // The log may show a commit later than the group does.
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds{cluster_.timeout_ms()};
  while (!mark && std::chrono::steady_clock::now() < until) {
    const auto taken = (*reader)->poll(1, [&](std::span<const RawMessage> run) {
      if (run.front().offset == at) mark.emplace(reinterpret_cast<const char*>(run.front().value.data()), run.front().value.size());
      return std::size_t{1};
    });
    if (!taken.ok()) return taken.status();
    if (*taken != 0 && !mark)
      return Status{Code::data_loss, "topic \"" + marks.topic + "\": the commit mark at offset " + std::to_string(at) + " is gone",
                    marks.topic};
    if (*taken == 0) std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  if (!mark) return Status{Code::unavailable, "topic \"" + marks.topic + "\": a commit mark does not show yet", marks.topic};
  return *std::move(mark);
}

Result<std::unique_ptr<log::Inlet>> KafkaLog::inlet(const std::string& topic, const std::string& feeder) {
  if (!feeder.empty()) return no_feeders(feeder);
  auto info = admin_->topic(topic);
  if (!info.ok()) return info.status();
  if (!*info) return Status{Code::not_found, "topic \"" + topic + "\": does not exist", topic};
  const std::lock_guard lock{inlets_mutex_};
  if (inlets_ == nullptr) {
    auto inlets = InletProducer::connect(cluster_);
    if (!inlets.ok()) return inlets.status();
    inlets_ = std::move(*inlets);
  }
  return inlets_->inlet(**info);
}

Result<std::unique_ptr<log::Member>> KafkaLog::join(const std::string& group, std::vector<std::string> topics,
                                                    log::GroupListener& listener) {
  std::string missing;
  for (const std::string& topic : topics) {
    auto partitions = admin_->partitions(topic);
    if (!partitions.ok()) return partitions.status();
    if (*partitions == 0) missing += (missing.empty() ? "\"" : ", \"") + topic + '"';
  }
  if (!missing.empty())
    return Status{Code::not_found, "group \"" + group + "\": can't be joined, these topics do not exist: " + missing, group};
  return Member::join(cluster_, *groups_, group, topics, listener);
}

}  // namespace

Result<std::unique_ptr<log::Log>> open_kafka(KafkaOptions options) {
  auto log = std::make_unique<KafkaLog>(std::move(options));
  if (Status status = log->open(); !status.ok()) return status;
  return std::unique_ptr<log::Log>{std::move(log)};
}

}  // namespace klamm::inline v0::rdkafka
