#include "kafka/inlet.hpp"

#include <pthread.h>

#include <algorithm>
#include <chrono>

#include "kafka/outgoing.hpp"

namespace klamm::inline v0::rdkafka {
namespace {

// Of the headers in klamm's form, as `put` has counted them.
std::size_t size_of(rd_kafka_headers_t* headers) {
  std::size_t size = 0, value_size = 0;
  const char* name = nullptr;
  const void* value = nullptr;
  for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &value_size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i)
    size += 8 + std::string_view{name}.size() + value_size;
  return size;
}

Bytes headers_of(const rd_kafka_message_t& message) {
  Bytes all;
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return all;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i)
    Headers::append(all, {name, {static_cast<const std::byte*>(value), size}});
  return all;
}

}  // namespace

/// What an inlet and the thread of reports share.
struct InletProducer::State {
  std::string topic;
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t bytes = 0;             // on the way
  std::uint64_t sent = 0, done = 0;  // records
  Status failure;                    // of a record that was accepted and could not be delivered
  bool closed = false;
};

/// A record's opaque: librdkafka does not give back the timestamp of one that has failed.
struct InletProducer::Sent {
  State* state;
  std::int64_t timestamp;
};

class InletProducer::KafkaInlet final : public log::Inlet {
 public:
  KafkaInlet(InletProducer& producer, const TopicHandle& topic, const TopicInfo& info, std::shared_ptr<State> state)
      : producer_{producer}, topic_{topic}, info_{info}, state_{std::move(state)} {}
  ~KafkaInlet() override = default;

  Status send(log::Partition partition, BytesView key, BytesView value, Timestamp timestamp, BytesView headers,
              std::optional<std::int64_t> position) override {
    if (position) {
      return {Code::failed_precondition, "topic \"" + state_->topic + "\": a feeder's position can be kept on the embedded log only",
              state_->topic};
    }
    for (;;) {
      auto sent = put(partition, key, value, timestamp, headers, true);
      if (!sent.ok()) return sent.status();
      if (*sent) return {};
    }
  }
  Result<bool> try_send(log::Partition partition, BytesView key, BytesView value, Timestamp timestamp, BytesView headers) override {
    return put(partition, key, value, timestamp, headers, false);
  }
  Status flush() override {
    std::unique_lock lock{state_->mutex};
    const std::uint64_t sent = state_->sent;
    state_->changed.wait(lock, [&] { return state_->done >= sent || state_->closed || !state_->failure.ok(); });
    if (!state_->failure.ok()) return state_->failure;
    return state_->done >= sent ? Status{} : closed();
  }
  void close() override {
    {
      const std::lock_guard lock{state_->mutex};
      state_->closed = true;
    }
    state_->changed.notify_all();
  }

 private:
  [[nodiscard]] Status closed() const { return {Code::cancelled, "topic \"" + state_->topic + "\": the inlet was closed", state_->topic}; }

  [[nodiscard]] Status check(log::Partition partition, std::size_t size) const {
    const std::string& name = state_->topic;
    if (partition < 0 || partition >= info_.state.partitions)
      return {Code::invalid_argument, "topic \"" + name + "\": has no partition " + std::to_string(partition), name};
    if (info_.max_message_bytes && size + record_overhead > *info_.max_message_bytes) {
      return {Code::invalid_argument,
              "topic \"" + name + "\": takes records of " + std::to_string(*info_.max_message_bytes) + " bytes (max.message.bytes), not " +
                  std::to_string(size),
              name};
    }
    return {};
  }

  // False when there is no room: at once, or after waiting for a change.
  Result<bool> put(log::Partition partition, BytesView key, BytesView value, Timestamp timestamp, BytesView headers, bool wait) {
    const std::size_t size = key.size() + value.size() + headers.size();
    if (Status status = check(partition, size); !status.ok()) return status;
    std::unique_lock lock{state_->mutex};
    const std::size_t limit = producer_.cluster_.options().inlet_bytes;
    const auto has_room = [&] { return state_->bytes == 0 || state_->bytes + size <= limit; };
    if (wait) state_->changed.wait(lock, [&] { return has_room() || state_->closed || !state_->failure.ok(); });
    if (state_->closed) return closed();
    if (!state_->failure.ok()) return state_->failure;
    if (!has_room()) return false;
    // Under the lock, so that records of one thread stay in order and the report finds them counted.
    Failure failure;
    auto sent = std::make_unique<Sent>(state_.get(), timestamp.milliseconds());
    bool room = true;  // of the other inlets, and in a handle that is not about to be replaced
    {
      const std::shared_lock in_use{producer_.in_use_};
      failure = produce(producer_.handle_.get(), topic_.get(), partition, key, value, timestamp.milliseconds(), headers, sent.get());
      room = failure.ok() || (failure.code != RD_KAFKA_RESP_ERR__QUEUE_FULL && !producer_.is_broken());
    }
    if (!room) {
      if (wait) state_->changed.wait_for(lock, std::chrono::milliseconds{5});
      return false;
    }
    if (!failure.ok()) return producer_.cluster_.status(failure, "topic \"" + state_->topic + "\": can't be written", state_->topic);
    static_cast<void>(sent.release());  // the report's
    state_->bytes += size;
    ++state_->sent;
    return true;
  }

  InletProducer& producer_;
  const TopicHandle& topic_;
  const TopicInfo info_;
  const std::shared_ptr<State> state_;
};

Result<std::unique_ptr<InletProducer>> InletProducer::connect(Cluster& cluster) {
  std::unique_ptr<InletProducer> producer{new InletProducer{cluster}};
  if (Status status = producer->open(producer->handle_); !status.ok()) return status;
  producer->reports_ = std::thread{[&one = *producer] { one.hear_reports(); }};
  pthread_setname_np(producer->reports_.native_handle(), "klamm-inlets");
  return producer;
}

Status InletProducer::open(Handle& handle) {
  auto made = make_handle(Kind::inlet, cluster_, *this);
  if (!made.ok()) return made.status();
  handle = std::move(*made);
  return {};
}

void InletProducer::hear_reports() {
  while (!stopping_) {
    rd_kafka_poll(handle_.get(), 100);
    if (broken_) replace();
  }
}

void InletProducer::replace() {
  // Whoever was about to hand over a record has done it, and nothing more is taken.
  { const std::unique_lock fence{in_use_}; }
  // All that is not acknowledged comes back as failed.
  static_cast<void>(rd_kafka_purge(handle_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT));
  static_cast<void>(rd_kafka_flush(handle_.get(), 10'000));
  Handle next;
  if (Status status = open(next); !status.ok()) return cluster_.line(Level::error, status.message());
  const std::unique_lock in_use{in_use_};
  const std::lock_guard lock{mutex_};
  for (auto& [name, topic] : topics_) topic.reset();
  handle_ = std::move(next);
  for (auto& [name, topic] : topics_) topic.reset(rd_kafka_topic_new(handle_.get(), name.c_str(), nullptr));
  cluster_.line(Level::warning, "inlets: records that were not acknowledged are sent again: " + std::to_string(unsent_.size()));
  const auto view = [](const std::optional<Bytes>& bytes) { return bytes ? BytesView{*bytes} : BytesView{}; };
  std::size_t sent = 0;
  for (; sent < unsent_.size(); ++sent) {
    const Unsent& one = unsent_[sent];
    auto opaque = std::make_unique<Sent>(one.state, one.timestamp);
    const Failure failure = produce(handle_.get(), topics_[one.topic].get(), one.partition, view(one.key), view(one.value), one.timestamp,
                                    one.headers, opaque.get());
    if (!failure.ok()) break;  // there was room for all of them: the handle is broken again
    static_cast<void>(opaque.release());
  }
  broken_ = sent != unsent_.size();
  unsent_.erase(unsent_.begin(), unsent_.begin() + static_cast<std::ptrdiff_t>(sent));
}

InletProducer::~InletProducer() {
  stopping_ = true;
  if (reports_.joinable()) reports_.join();
  if (handle_ == nullptr) return;
  // Who wanted to be sure has flushed; without a broker the rest would wait for ever.
  static_cast<void>(rd_kafka_flush(handle_.get(), 1'000));
  static_cast<void>(rd_kafka_purge(handle_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT));
  static_cast<void>(rd_kafka_flush(handle_.get(), 1'000));
  topics_.clear();
}

Result<std::unique_ptr<log::Inlet>> InletProducer::inlet(const TopicInfo& info) {
  const std::string& name = info.state.name;
  const std::shared_lock in_use{in_use_};
  const std::lock_guard lock{mutex_};
  auto& topic = topics_[name];
  if (topic == nullptr) prime(name, topic);
  std::erase_if(states_, [](const auto& state) {
    if (state.use_count() != 1) return false;
    const std::lock_guard of_state{state->mutex};
    return state->done == state->sent;
  });
  auto state = std::make_shared<State>();
  state->topic = name;
  states_.push_back(state);
  return std::unique_ptr<log::Inlet>{std::make_unique<KafkaInlet>(*this, topic, info, std::move(state))};
}

void InletProducer::prime(const std::string& name, TopicHandle& topic) {
  topic.reset(rd_kafka_topic_new(handle_.get(), name.c_str(), nullptr));
  // The first record would wait for up to a second to learn where the topic is.
  const rd_kafka_metadata_t* found = nullptr;
  if (rd_kafka_metadata(handle_.get(), 0, topic.get(), &found, cluster_.timeout_ms()) == RD_KAFKA_RESP_ERR_NO_ERROR)
    rd_kafka_metadata_destroy(found);
}

// The report of the record may come before that of its handle's end.
bool InletProducer::is_broken() {
  const auto code = rd_kafka_fatal_error(handle_.get(), nullptr, 0);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code_of(code) != Code::failed_precondition) broken_ = true;
  return broken_;
}

void InletProducer::delivered(const rd_kafka_message_t& message) {
  const std::unique_ptr<Sent> sent{static_cast<Sent*>(message._private)};
  State& state = *sent->state;
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR && code_of(message.err) != Code::failed_precondition && is_broken()) {
    const auto bytes = [](const void* data, std::size_t size) {
      const auto* first = static_cast<const std::byte*>(data);
      return data == nullptr ? std::optional<Bytes>{} : Bytes{first, first + size};
    };
    unsent_.push_back({.state = &state,
                       .topic = state.topic,
                       .partition = message.partition,
                       .key = bytes(message.key, message.key_len),
                       .value = bytes(message.payload, message.len),
                       .headers = headers_of(message),
                       .timestamp = sent->timestamp});
    return;
  }
  rd_kafka_headers_t* headers = nullptr;
  std::size_t size = message.key_len + message.len;
  if (rd_kafka_message_headers(&message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) size += size_of(headers);
  {
    const std::lock_guard lock{state.mutex};
    state.bytes -= std::min(size, state.bytes);
    ++state.done;
    if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR && state.failure.ok()) {
      state.failure =
          cluster_.status(failure_of(message.err, handle_.get()),
                          "partition " + state.topic + '-' + std::to_string(message.partition) + ": a record was not taken", state.topic);
    }
  }
  state.changed.notify_all();
}

void InletProducer::fatal(const Failure& failure) {
  if (is_broken()) return cluster_.line(Level::warning, "inlets: their producer is replaced: " + failure.text);
  const std::lock_guard lock{mutex_};
  for (const auto& state : states_) {
    {
      const std::lock_guard of_state{state->mutex};
      if (state->failure.ok()) state->failure = cluster_.status(failure, "topic \"" + state->topic + "\": can't be written", state->topic);
    }
    state->changed.notify_all();
  }
}

}  // namespace klamm::inline v0::rdkafka
