#include "klamm/client.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

#include "app/open_log.hpp"
#include "app/producers.hpp"
#include "app/stderr_log.hpp"

namespace klamm::inline v0 {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds round{10};
constexpr std::size_t run = 1024;

/// A flag that a reader raises when there is more, and its thread sleeps on.
class More {
 public:
  void raise() {
    {
      const std::lock_guard lock{mutex_};
      raised_ = true;
    }
    changed_.notify_one();
  }
  void wait(std::chrono::milliseconds most) {
    std::unique_lock lock{mutex_};
    changed_.wait_for(lock, most, [this] { return raised_; });
    raised_ = false;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool raised_ = false;
};

/// What the user's function throws goes no further.
Status guarded(const detail::FunctionRef<Status(const RawMessage&)>& take, const RawMessage& message) {
  try {
    return take(message);
  } catch (const std::exception& e) {
    return {Code::failed_precondition, std::string{"client.read(f): f threw: "} + e.what()};
  } catch (...) {
    return {Code::failed_precondition, "client.read(f): f threw something that is no std::exception"};
  }
}

/// Reads a partition up to `end`; `patience`: without a record.
Status read_partition(log::Log& log, const log::TopicPartition& tp, const log::Bounds& bounds, std::chrono::milliseconds patience,
                      const detail::FunctionRef<Status(const RawMessage&)>& take) {
  if (bounds.begin >= bounds.end) return {};
  More more;  // outlives the reader, which calls it
  Result<std::unique_ptr<log::Reader>> reader = log.reader(tp, bounds.begin, [&more] { more.raise(); });
  if (!reader.ok()) return reader.status();
  Status status;
  const auto take_run = [&](std::span<const RawMessage> messages) {
    std::size_t taken = 0;
    for (const RawMessage& message : messages) {
      if (message.offset >= bounds.end) break;
      if (status = guarded(take, message); !status.ok()) break;
      ++taken;
    }
    return taken;
  };
  auto last = Clock::now();
  while (status.ok() && (*reader)->position() < bounds.end) {
    Result<std::size_t> taken = (*reader)->poll(run, take_run);
    if (!taken.ok()) return taken.status();
    if (*taken > 0) {
      last = Clock::now();
      continue;
    }
    if (Clock::now() - last > patience)
      return {Code::unavailable, "partition " + to_string(tp) + ": no answer from " + log.where() + ": try again", tp.topic};
    if (status.ok() && (*reader)->position() < bounds.end) more.wait(round);
  }
  return status;
}

}  // namespace

struct Client::Impl {
  Impl(LogChoice choice, ClientOptions o)
      : log{std::move(choice)}, options{std::move(o)}, logger{options.log_sink ? options.log_sink : stderr_log(), ports::system_clock()} {}

  [[nodiscard]] Status ready() const {
    return opened != nullptr ? Status{} : Status{Code::failed_precondition, "client \"" + options.name + "\": open() has not succeeded"};
  }

  const LogChoice log;
  const ClientOptions options;
  const runtime::Logger logger;
  std::unique_ptr<log::Log> opened;
  Producers producers;
};

Client::Client(LogChoice log, ClientOptions options) : impl_{std::make_unique<Impl>(std::move(log), std::move(options))} {}

Client::~Client() { impl_->producers.close({Code::cancelled, "client \"" + impl_->options.name + "\": is gone", impl_->options.name}); }

Status Client::open(Duration deadline) {
  Impl& client = *impl_;
  if (client.log.kind() != LogChoice::Kind::kafka) {
    return {Code::invalid_argument, "client \"" + client.options.name +
                                        "\": works on klamm::kafka(\"host:port\"); an embedded log belongs to its application: "
                                        "use App::producer and App::query"};
  }
  const auto until = Clock::now() + std::chrono::milliseconds{std::max<std::int64_t>(deadline.milliseconds(), 0)};
  if (client.opened == nullptr) {
    Result<std::unique_ptr<log::Log>> log = connect(client.log, client.options.name, "", 0, client.logger);
    if (!log.ok()) return log.status();
    client.opened = *std::move(log);
  }
  while (!client.opened->connected()) {
    if (Clock::now() >= until) return {Code::unavailable, client.opened->where() + ": can't be reached", client.opened->where()};
    std::this_thread::sleep_for(round);
  }
  return {};
}

Result<int> Client::partitions(const std::string& topic) {
  if (Status status = impl_->ready(); !status.ok()) return status;
  Result<std::optional<log::TopicState>> known = impl_->opened->topic(topic);
  if (!known.ok()) return known.status();
  return *known ? (*known)->partitions : 0;
}

Status Client::create_topic(const std::string& topic, int partitions) {
  if (Status status = impl_->ready(); !status.ok()) return status;
  if (partitions < 1)
    return {Code::invalid_argument, "topic \"" + topic + "\": say with Topic::partitions how many partitions it is to have", topic};
  const log::TopicState wanted{topic, partitions, log::Cleanup::keep};
  return impl_->opened->create({&wanted, 1});
}

detail::RawProducer Client::raw_producer(const std::string& topic) {
  if (Status status = impl_->ready(); !status.ok()) return Producers::refusing(status);
  return impl_->producers.open(*impl_->opened, topic, {});
}

Status Client::read_topic(const std::string& topic, detail::FunctionRef<Status(const RawMessage&)> take) {
  Result<int> count = partitions(topic);
  if (!count.ok()) return count.status();
  if (*count == 0) return {Code::not_found, "topic \"" + topic + "\": does not exist on " + impl_->opened->where(), topic};
  std::vector<log::Bounds> bounds;
  for (log::Partition p = 0; p < *count; ++p) {
    Result<log::Bounds> found = impl_->opened->bounds({topic, p});
    if (!found.ok()) return found.status();
    bounds.push_back(*found);
  }
  const std::chrono::milliseconds patience{impl_->log.kafka()->request_timeout.milliseconds()};
  for (log::Partition p = 0; p < *count; ++p) {
    const Status status = read_partition(*impl_->opened, {topic, p}, bounds[static_cast<std::size_t>(p)], patience, take);
    if (!status.ok()) return status;
  }
  return {};
}

Status detail::decode_record_guarded(const std::string& topic, const RawMessage& message, const char* part,
                                     detail::FunctionRef<Decoded()> decode) {
  std::string reason;
  Code code = Code::data_loss;
  try {
    const Decoded decoded = decode();
    if (decoded.ok()) return {};
    if (decoded.code == Decoded::Code::unavailable) code = Code::unavailable;
    reason = decoded.reason;
  } catch (const std::exception& e) {
    reason = std::string{"its serde threw: "} + e.what();
  } catch (...) {
    reason = "its serde threw something that is no std::exception";
  }
  return {code,
          "topic \"" + topic + "\": partition " + std::to_string(message.partition) + ", offset " + std::to_string(message.offset) +
              ": the " + part + " can't be decoded: " + reason,
          topic};
}

}  // namespace klamm::inline v0
