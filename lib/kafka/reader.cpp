#include "kafka/reader.hpp"

#include <algorithm>

namespace klamm::inline v0::rdkafka {
namespace {

constexpr std::size_t run_records = 512, run_bytes = std::size_t{256} << 10;

}  // namespace

Result<std::unique_ptr<log::Reader>> Reader::open(Fetchers::Place place, log::Offset from, std::function<void()> wake) {
  auto topic = place.fetcher->topic(place.claim->tp.topic);
  if (!topic.ok()) return topic.status();
  std::unique_ptr<Reader> reader{new Reader{std::move(place), *topic, std::move(wake)}};
  if (Status status = reader->start(from); !status.ok()) return status;
  return std::unique_ptr<log::Reader>{std::move(reader)};
}

Reader::~Reader() { stop(); }

Status Reader::start(log::Offset from) {
  position_ = from;
  end_seen_ = -1;
  caught_up_ = false;
  since_empty_ = bytes_since_empty_ = 0;
  failure_ = {};
  bytes_.clear();
  messages_.clear();
  next_ = 0;
  queue_.reset(rd_kafka_queue_new(fetcher_->handle()));
  if (wake_) {
    // Called under the queue's lock when something comes into an empty queue.
    rd_kafka_queue_cb_event_enable(
        queue_.get(), [](rd_kafka_t*, void* opaque) { (*static_cast<const std::function<void()>*>(opaque))(); },
        const_cast<std::function<void()>*>(&wake_));
  }
  if (rd_kafka_consume_start_queue(topic_, claim_->tp.partition, from, queue_.get()) == 0) return {};
  const Failure failure = failure_of(rd_kafka_last_error());
  rd_kafka_queue_cb_event_enable(queue_.get(), nullptr, nullptr);
  queue_.reset();
  return fetcher_->cluster().status(failure, "partition " + to_string(claim_->tp) + ": can't be read from offset " + std::to_string(from),
                                    claim_->tp.topic);
}

void Reader::stop() {
  claim_->hungry = false;
  if (queue_ == nullptr) return;
  // From here on `wake` is neither called nor running.
  rd_kafka_queue_cb_event_enable(queue_.get(), nullptr, nullptr);
  static_cast<void>(rd_kafka_consume_stop(topic_, claim_->tp.partition));
  queue_.reset();
}

void Reader::seek(log::Offset offset) {
  stop();
  if (Status status = start(offset); !status.ok()) failure_ = std::move(status);
}

log::Offset Reader::end() const {
  if (end_seen_ >= 0) return end_seen_;
  std::int64_t begin = -1, end = -1;  // as of the last fetch
  static_cast<void>(rd_kafka_get_watermark_offsets(fetcher_->handle(), claim_->tp.topic.c_str(), claim_->tp.partition, &begin, &end));
  return std::max(end, position_);
}

Result<std::size_t> Reader::poll(std::size_t limit, const Take& take) {
  std::size_t taken = 0;
  while (taken < limit) {
    if (next_ == messages_.size()) {
      if (!failure_.ok()) break;
      refill();
      if (messages_.empty()) break;
    }
    const auto run = std::span{messages_}.subspan(next_, std::min(limit - taken, messages_.size() - next_));
    const std::size_t count = take(run);
    if (count != 0) position_ = run[count - 1].offset + 1;
    next_ += count;
    taken += count;
    if (count < run.size()) return taken;
  }
  if (next_ != messages_.size()) return taken;
  position_ = std::max(position_, end_seen_);
  if (taken == 0 && !failure_.ok()) return failure_;
  return taken;
}

void Reader::refill() {
  bytes_.clear();
  messages_.clear();
  next_ = 0;
  if (queue_ == nullptr) return;
  static_cast<void>(rd_kafka_consume_callback_queue(
      queue_.get(), 0, [](rd_kafka_message_t* message, void* opaque) { static_cast<Reader*>(opaque)->take_in(*message); }, this));
  if (!messages_.empty()) {
    claim_->hungry = false;
    since_empty_ += messages_.size();
    bytes_since_empty_ += bytes_.size();
    return;
  }
  // Only a queue that was full makes the fetcher pause.
  const bool was_full = since_empty_ >= fetcher_->ahead().messages || bytes_since_empty_ >= fetcher_->ahead().bytes;
  if (was_full && end_seen_ < 0 && needs_kicks()) claim_->hungry = true;
  since_empty_ = bytes_since_empty_ = 0;
}

void Reader::take_in(const rd_kafka_message_t& message) {
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) return failed(message);
  if (message.offset < position_) return;
  end_seen_ = -1;
  headers_.clear();
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i)
      Headers::append(headers_, {name, {static_cast<const std::byte*>(value), size}});
  }
  rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  const std::int64_t timestamp = rd_kafka_message_timestamp(&message, &type);
  messages_.push_back({.key = bytes_.put(message.key, message.key_len),
                       .value = bytes_.put(message.payload, message.len),
                       .timestamp = Timestamp{timestamp},
                       .offset = message.offset,
                       .partition = message.partition,
                       .headers = headers_.empty() ? BytesView{} : bytes_.put(headers_.data(), headers_.size())});
  if (messages_.size() >= run_records || bytes_.size() >= run_bytes) rd_kafka_yield(fetcher_->handle());
}

void Reader::failed(const rd_kafka_message_t& message) {
  if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    end_seen_ = message.offset;
    caught_up_ = true;
    claim_->hungry = false;
    return;
  }
  Failure failure = failure_of(message.err);
  if (const char* words = rd_kafka_message_errstr(&message); words != nullptr) failure.text = words;
  if (code_of(message.err) == Code::not_found) {
    // A broker that has just been started may not know all topics yet: only a second look says that this one is gone.
    const rd_kafka_metadata_t* found = nullptr;
    const auto asked = rd_kafka_metadata(fetcher_->handle(), 0, topic_, &found, 2'000);
    const Metadata metadata{found};
    const bool gone =
        asked == RD_KAFKA_RESP_ERR_NO_ERROR && metadata->topic_cnt == 1 && code_of(metadata->topics[0].err) == Code::not_found;
    if (!gone) return;
  }
  // Comes once; then nothing is fetched until the next `seek`.
  if (message.err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
    failure_ = {Code::out_of_range,
                "partition " + to_string(claim_->tp) + ": offset " +
                    std::to_string(messages_.empty() ? position_ : messages_.back().offset + 1) +
                    " is not in the log (purged, or ahead of it): " + failure.text,
                claim_->tp.topic};
  } else {
    failure_ = fetcher_->cluster().status(failure, "partition " + to_string(claim_->tp) + ": can't be read", claim_->tp.topic);
  }
}

}  // namespace klamm::inline v0::rdkafka
