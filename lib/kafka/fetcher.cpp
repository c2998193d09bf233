#include "kafka/fetcher.hpp"

namespace klamm::inline v0::rdkafka {

Result<std::shared_ptr<Fetcher>> Fetcher::connect(Cluster& cluster) {
  std::shared_ptr<Fetcher> fetcher{new Fetcher{cluster}};
  auto handle = make_handle(Kind::reader, cluster, *fetcher);
  if (!handle.ok()) return handle.status();
  fetcher->handle_ = std::move(*handle);
  return fetcher;
}

Result<rd_kafka_topic_t*> Fetcher::topic(const std::string& name) {
  {
    const std::lock_guard lock{mutex_};
    if (const auto known = topics_.find(name); known != topics_.end()) return known->second.get();
  }
  TopicHandle topic{rd_kafka_topic_new(handle_.get(), name.c_str(), nullptr)};
  if (topic == nullptr) return Status{Code::invalid_argument, "topic \"" + name + "\": is no name for a topic", name};
  const rd_kafka_metadata_t* found = nullptr;
  // Without an answer the topic is found later, when the brokers are back.
  if (rd_kafka_metadata(handle_.get(), 0, topic.get(), &found, cluster_.timeout_ms()) == RD_KAFKA_RESP_ERR_NO_ERROR)
    rd_kafka_metadata_destroy(found);
  const std::lock_guard lock{mutex_};
  return topics_.emplace(name, std::move(topic)).first->second.get();
}

std::shared_ptr<Fetcher::Claim> Fetcher::claim(const log::TopicPartition& tp) {
  const std::lock_guard lock{mutex_};
  std::erase_if(claims_, [](const auto& each) { return each.expired(); });
  for (const auto& each : claims_) {
    if (const auto other = each.lock(); other != nullptr && other->tp == tp) return nullptr;
  }
  auto claim = std::make_shared<Claim>();
  claim->tp = tp;
  claims_.push_back(claim);
  return claim;
}

bool Fetcher::serve() {
  rd_kafka_poll(handle_.get(), 0);
  std::vector<std::shared_ptr<Claim>> hungry;
  {
    const std::lock_guard lock{mutex_};
    for (const auto& each : claims_) {
      if (auto claim = each.lock(); claim != nullptr && claim->hungry) hungry.push_back(std::move(claim));
    }
  }
  for (const auto& claim : hungry) {
    std::int64_t begin = 0, end = 0;
    static_cast<void>(rd_kafka_query_watermark_offsets(handle_.get(), claim->tp.topic.c_str(), claim->tp.partition, &begin, &end, 200));
  }
  return !hungry.empty();
}

Result<Fetchers::Place> Fetchers::place(const log::TopicPartition& tp) {
  const std::lock_guard lock{mutex_};
  for (const auto& fetcher : fetchers_) {
    if (auto claim = fetcher->claim(tp)) return Place{fetcher, std::move(claim)};
  }
  auto fetcher = Fetcher::connect(cluster_);
  if (!fetcher.ok()) return fetcher.status();
  fetchers_.push_back(*fetcher);
  return Place{*fetcher, (*fetcher)->claim(tp)};
}

bool Fetchers::serve() {
  std::vector<std::shared_ptr<Fetcher>> all;
  {
    const std::lock_guard lock{mutex_};
    // Beyond the first they come and go with their readers.
    while (fetchers_.size() > 1 && fetchers_.back().use_count() == 1) fetchers_.pop_back();
    all = fetchers_;
  }
  bool hungry = false;
  for (const auto& fetcher : all) hungry = fetcher->serve() || hungry;
  return hungry;
}

}  // namespace klamm::inline v0::rdkafka
