#include "app/raw_producer.hpp"

#include "log/partitioner.hpp"
#include "ports/clock.hpp"

namespace klamm::inline v0::detail {
namespace {

/// Records without a key stay in a partition for a run, so that batches are not torn apart.
constexpr std::uint32_t keyless_run = 256;

log::Partition choose(RawProducer::Impl& producer, BytesView key, const SendOptions& options) {
  if (options.partition) return *options.partition;
  if (key.data() != nullptr) return log::partition_of(key, producer.partitions);
  return static_cast<log::Partition>(producer.keyless.fetch_add(1, std::memory_order_relaxed) / keyless_run %
                                     static_cast<std::uint32_t>(producer.partitions));
}

Timestamp time_of(const SendOptions& options) { return options.timestamp ? *options.timestamp : ports::system_clock().now(); }

}  // namespace

void RawProducer::Impl::open(log::Log& log, const std::string& topic, const std::string& feeder) {
  const std::unique_lock lock{mutex};
  Result<std::optional<log::TopicState>> state = log.topic(topic);
  if (!state.ok()) {
    status = state.status();
    return;
  }
  if (!*state) {
    status = {Code::not_found, "producer: topic \"" + topic + "\" does not exist: the topology neither reads nor writes it", topic};
    return;
  }
  partitions = (*state)->partitions;
  used = &log;
  name = feeder;
  Result<std::unique_ptr<log::Inlet>> opened = log.inlet(topic, feeder);
  if (opened.ok())
    inlet = std::move(*opened);
  else
    status = opened.status();
}

void RawProducer::Impl::close(Status why) {
  {
    const std::shared_lock lock{mutex};
    if (inlet != nullptr) inlet->close();  // ends calls that wait for room
  }
  const std::unique_lock lock{mutex};
  inlet.reset();
  if (status.ok()) status = std::move(why);
}

Status RawProducer::send(BytesView key, BytesView value, const SendOptions& options, std::optional<std::int64_t> position) const {
  const std::shared_lock lock{impl_->mutex};
  if (!impl_->status.ok()) return impl_->status;
  return impl_->inlet->send(choose(*impl_, key, options), key, value, time_of(options), {}, position);
}

Send RawProducer::try_send(BytesView key, BytesView value, const SendOptions& options) const {
  const std::shared_lock lock{impl_->mutex, std::try_to_lock};
  if (!lock.owns_lock() || !impl_->status.ok()) return Send::failed;
  const Result<bool> sent = impl_->inlet->try_send(choose(*impl_, key, options), key, value, time_of(options), {});
  return !sent.ok() ? Send::failed : *sent ? Send::sent : Send::full;
}

int RawProducer::partitions() const {
  const std::shared_lock lock{impl_->mutex};
  return impl_->used == nullptr ? 0 : impl_->partitions;
}

Status RawProducer::flush() const {
  const std::shared_lock lock{impl_->mutex};
  if (!impl_->status.ok()) return impl_->status;
  return impl_->inlet->flush();
}

Result<std::int64_t> RawProducer::position() const {
  const std::shared_lock lock{impl_->mutex};
  if (!impl_->status.ok()) return impl_->status;
  Result<std::optional<std::int64_t>> known = impl_->used->feed_position(impl_->name);
  if (!known.ok()) return known.status();
  return known->value_or(0);
}

Status RawProducer::status() const {
  const std::shared_lock lock{impl_->mutex};
  return impl_->status;
}

}  // namespace klamm::inline v0::detail
