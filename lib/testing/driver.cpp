#include <map>

#include "graph/graph.hpp"
#include "klamm/test_driver.hpp"
#include "log/embedded.hpp"
#include "log/partitioner.hpp"
#include "ports/clock.hpp"
#include "ports/executor.hpp"
#include "runtime/engine.hpp"

namespace klamm::inline v0::detail {

/// The world of a test: `engine` is what a crash takes away, the rest stays.
struct DriverCore::Impl {
  Impl(const Topology& t, const TestDriverOptions& o) : topology{t}, options{o}, clock{o.start}, logger{LogSink{}, clock} {}

  Status start(runtime::KeptStores kept);
  /// Ends the engine and keeps its counters.
  runtime::KeptStores stop();
  [[nodiscard]] Counters total() const;
  Result<log::TopicState> topic(const std::string& name);
  /// A topic of this name as the log calls it: internal ones carry the application id.
  Status run_on();

  const Topology& topology;
  const TestDriverOptions options;
  ports::ManualClock clock;
  runtime::Logger logger;
  std::unique_ptr<ports::Executor> background = ports::inline_executor();
  std::unique_ptr<log::Log> log = log::memory_log({});
  std::map<std::string, std::unique_ptr<log::Inlet>> inlets;
  std::map<log::TopicPartition, std::unique_ptr<log::Reader>> readers;
  Counters before;  // of the engines that crashed
  Status status;
  std::unique_ptr<runtime::Engine> engine;  // last: it uses all of the above
};

Status DriverCore::Impl::start(runtime::KeptStores kept) {
  runtime::Settings settings;
  settings.on_error = {options.on_decode_error.value_or(options.on_error), options.on_process_error.value_or(options.on_error),
                       options.on_produce_error.value_or(options.on_error)};
  settings.seed = options.seed;
  engine = std::make_unique<runtime::Engine>(topology.graph(), topology.graph().name, settings, *log, clock, *background, logger);
  engine->keep(std::move(kept));
  status = engine->start(1, options.partitions);
  return run_on();
}

runtime::KeptStores DriverCore::Impl::stop() {
  if (engine == nullptr) return {};
  before = total();
  runtime::KeptStores kept = engine->crash();
  engine.reset();
  return kept;
}

Status DriverCore::Impl::run_on() {
  if (status.ok()) status = engine->settle(options.commit_each_send);
  return status;
}

Counters DriverCore::Impl::total() const {
  Counters sum = before;
  if (engine == nullptr) return sum;
  for (const auto& task : engine->figures()) {
    sum.processed += task->processed;
    sum.skipped += task->skipped;
    sum.dropped += task->dropped;
  }
  for (const auto& worker : engine->workers()) {
    sum.commits += worker->figures().commits;
    sum.aborts += worker->figures().aborts;
  }
  return sum;
}

Result<log::TopicState> DriverCore::Impl::topic(const std::string& name) {
  Result<std::optional<log::TopicState>> found = log->topic(name);
  if (!found.ok()) return found.status();
  if (!*found) return Status{Code::not_found, "topic \"" + name + "\": the topology neither reads nor writes it", name};
  return **found;
}

DriverCore::DriverCore(const Topology& topology, const TestDriverOptions& options) : impl_{std::make_unique<Impl>(topology, options)} {
  static_cast<void>(impl_->start({}));
}

DriverCore::~DriverCore() = default;

const Status& DriverCore::status() const { return impl_->status; }

Status DriverCore::send(const std::string& topic, BytesView key, BytesView value, std::optional<Timestamp> timestamp, BytesView headers,
                        std::optional<std::int32_t> partition) {
  if (!impl_->status.ok()) return impl_->status;
  Result<log::TopicState> state = impl_->topic(topic);
  if (!state.ok()) return state.status();
  std::unique_ptr<log::Inlet>& inlet = impl_->inlets[topic];
  if (inlet == nullptr) {
    Result<std::unique_ptr<log::Inlet>> opened = impl_->log->inlet(topic, {});
    if (!opened.ok()) return opened.status();
    inlet = std::move(*opened);
  }
  const log::Partition to = partition ? *partition : key.data() != nullptr ? log::partition_of(key, state->partitions) : 0;
  if (Status status = inlet->send(to, key, value, timestamp.value_or(impl_->clock.now()), headers, std::nullopt); !status.ok())
    return status;
  return impl_->run_on();
}

std::vector<RawOutput> DriverCore::read(const std::string& topic, std::vector<std::int64_t>& cursor) {
  std::vector<RawOutput> records;
  Result<log::TopicState> state = impl_->topic(topic);
  if (!state.ok()) return records;
  cursor.resize(static_cast<std::size_t>(state->partitions));
  for (log::Partition p = 0; p < state->partitions; ++p) {
    std::int64_t& next = cursor[static_cast<std::size_t>(p)];
    Result<log::Bounds> bounds = impl_->log->bounds({topic, p});
    if (!bounds.ok()) continue;
    Result<std::unique_ptr<log::Reader>> reader = impl_->log->reader({topic, p}, std::max(next, bounds->begin), nullptr);
    if (!reader.ok()) continue;
    for (bool more = true; more;) {
      const Result<std::size_t> taken = (*reader)->poll(1000, [&](std::span<const RawMessage> batch) {
        const auto text = [](BytesView bytes) {
          return bytes.data() == nullptr ? std::optional<std::string>{}
                                         : std::string{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
        };
        for (const RawMessage& m : batch)
          records.push_back({text(m.key), text(m.value), m.timestamp, p, m.offset, text(m.headers).value_or("")});
        return batch.size();
      });
      more = taken.ok() && *taken != 0;
    }
    next = (*reader)->position();
  }
  return records;
}

std::vector<RawRow> DriverCore::rows(const std::string& table) {
  std::vector<RawRow> rows;
  if (impl_->engine == nullptr) return rows;
  const auto text = [](BytesView bytes) { return std::string{reinterpret_cast<const char*>(bytes.data()), bytes.size()}; };
  static_cast<void>(impl_->engine->visit([&](Task::Impl& task) {
    StoreBase* store = task.find_store(table);
    if (store == nullptr) return;
    static_cast<void>(store->for_each(Contents::current, [&](BytesView key, BytesView value, Timestamp timestamp) {
      rows.push_back({text(key), text(value), timestamp});
    }));
  }));
  return rows;
}

int DriverCore::partitions(const std::string& topic) {
  const Result<log::TopicState> state = impl_->topic(topic);
  return state.ok() ? state->partitions : 0;
}

Status DriverCore::commit() {
  if (impl_->status.ok()) impl_->status = impl_->engine->settle(true);
  return impl_->status;
}

Status DriverCore::advance(Duration d) {
  impl_->clock.advance(d);
  return impl_->run_on();
}

Status DriverCore::restart(Disk disk) {
  runtime::KeptStores kept = impl_->stop();
  if (disk == Disk::lost) kept.clear();
  impl_->status = {};
  return impl_->start(std::move(kept));
}

Status DriverCore::feed(const std::string& topic, std::span<const RawMessage> batch) {
  if (!impl_->status.ok()) return impl_->status;
  runtime::Worker& worker = *impl_->engine->workers().front();
  for (const auto& task : worker.owned()) {
    if (task->partition() != 0) continue;
    for (const int input : task->sub().inputs) {
      if (impl_->engine->plan().topic_name(input) != topic) continue;
      if (Status status = task->feed(input, batch); !status.ok()) return impl_->status = status;
    }
  }
  worker.producer().abort();
  return {};
}

Counters DriverCore::counters() const { return impl_->total(); }

Timestamp DriverCore::now() const { return impl_->clock.now(); }

}  // namespace klamm::inline v0::detail
