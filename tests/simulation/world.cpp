#include "simulation/world.hpp"

#include <algorithm>
#include <filesystem>
#include <set>

#include "log/partitioner.hpp"

namespace klamm::simulation {
namespace {

constexpr int records_per_run = 300, keys = 7, groups = 11, partitions = 3;
constexpr std::int64_t session_ms = 1'000, window_ms = 100;

const Topic<std::string, std::int64_t> in{"in"};
const Topic<std::string, std::int64_t> names{"names"};
const Topic<std::int64_t, std::int64_t> changes{"changes"};
const Topic<std::string, std::int64_t> looked_up{"looked-up"};
const Topic<std::string, std::int64_t> numbered{"numbered"};

/// Numbers the records of each key.
struct Number {
  using Context = klamm::Context<std::string, std::int64_t>;
  KeyValueStore<std::string, std::int64_t>& last;
  Context& context;

  void process(const Record<std::string, const std::int64_t>& record) {
    const std::int64_t* before = last.find(record.key);
    const std::int64_t number = before == nullptr ? 1 : *before + 1;
    last.put(record.key, number);
    context.forward(record.key, number);
  }
};

/// A repartition, a table that erases, one that doesn't, one read from a topic, a lookup in it, and a processor.
Topology pipeline() {
  Topology topology{"simulated"};
  auto values = topology.stream(in);
  auto by_group = values.group_by([](std::int64_t v) { return v % groups; });
  by_group.count("counts").to(changes);
  by_group.aggregate(table<std::int64_t>("threes").fold([](std::int64_t& n, std::int64_t) {
    ++n;
    return n % 3 == 0 ? Entry::erase : Entry::keep;
  }));
  values.group_by_key()
      .windowed_by(tumbling(Duration{window_ms}).grace(Duration{window_ms}))
      .count(table("windows").retention(Duration{3 * window_ms}));
  values.process<Number>(topology.store<std::string, std::int64_t>("last")).to(numbered);
  values.left_join(topology.table(names, "names"), [](std::int64_t v, const std::int64_t*) { return v; }).to(looked_up);
  return topology;
}

template <class T> std::string text(const T& value) {
  Bytes bytes;
  static_cast<void>(serde<T>::encode(value, bytes));
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
std::string text(BytesView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
std::int64_t number(const std::string& bytes) {
  std::int64_t value = 0;
  for (const char c : bytes) value = static_cast<std::int64_t>(static_cast<std::uint64_t>(value) << 8 | static_cast<unsigned char>(c));
  return value;
}
BytesView view(const std::string& bytes) { return {reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()}; }

log::MemoryOptions options(ports::Clock& clock) {
  log::MemoryOptions options;
  options.compact_at_least = 50;
  options.clock = &clock;
  options.session = Duration{session_ms};
  return options;
}

}  // namespace

World::World(std::uint64_t seed, Disks disks)
    : random_{seed},
      disks_{disks},
      standbys_{static_cast<int>(seed % 3)},
      clock_{Timestamp{1'000'000}},
      logger_{[this](Level, std::string_view component, std::string_view message, std::span<const Field>) {
                note("    " + std::string{component} + ": " + std::string{message});
              },
              clock_},
      topology_{pipeline()},
      log_{log::memory_log(options(clock_))} {
  const log::TopicState topics[] = {{"in", partitions, log::Cleanup::keep}, {"names", partitions, log::Cleanup::keep}};
  if (!log_->create(topics).ok()) failure_ = "the topics can't be created";
  in_ = *log_->inlet("in", "");
  names_ = *log_->inlet("names", "");
  for (int i = 0; i < machine_count; ++i) machines_[static_cast<std::size_t>(i)].number = i;
}

World::~World() = default;

void World::note(const std::string& what) { history_ += std::to_string(clock_.steady_ms()) + ' ' + what + '\n'; }

std::string World::directory(const Machine& machine) const {
  return disks_ == Disks::memory ? std::string{} : directory_.path() + '/' + std::to_string(machine.number);
}

int World::running() const {
  return static_cast<int>(std::count_if(machines_.begin(), machines_.end(), [](const Machine& m) { return m.engine != nullptr; }));
}

void World::start(Machine& machine) {
  note("machine " + std::to_string(machine.number) + " starts");
  runtime::Settings settings;
  settings.commit_interval = Duration{20};
  settings.checkpoint_interval = Duration{100};
  settings.state_dir = directory(machine);
  settings.standby_replicas = standbys_;
  settings.standby_interval = Duration{50};
  settings.standby_placement = Duration{200};
  settings.seed = random_() | 1;
  machine.client = log::memory_client(*log_);
  machine.log = std::make_unique<UnreliableLog>(*machine.client, random_);
  machine.engine =
      std::make_unique<runtime::Engine>(topology_.graph(), topology_.graph().name, settings, *machine.log, clock_, *background_, logger_);
  machine.engine->keep(std::move(machine.disk));
  machine.disk.clear();
  machine.stopping = false;
  machine.frozen_until = machine.away_until = 0;
  if (const Status status = machine.engine->start(1 + static_cast<int>(random_() % 3), partitions); !status.ok())
    failure_ = status.message();
}

void World::stopped(Machine& machine) {
  note("machine " + std::to_string(machine.number) + " has stopped");
  machine.disk = machine.engine->crash();  // what its tasks have closed
  machine.engine.reset();
  machine.log.reset();
  machine.client.reset();
}

void World::kill(Machine& machine, Disk disk) {
  note("machine " + std::to_string(machine.number) + (disk == Disk::kept ? " is killed" : " is killed, its disk is lost"));
  machine.log->die();
  if (disks_ == Disks::memory) machine.disk = machine.engine->crash();
  machine.engine.reset();
  if (disk == Disk::lost) {
    machine.disk.clear();
    if (disks_ == Disks::files) std::filesystem::remove_all(directory(machine));
  }
  dead_.push_back(std::move(machine.log));
  dead_clients_.push_back(std::move(machine.client));
}

void World::step(Machine& machine) {
  const std::int64_t now = clock_.steady_ms();
  if (machine.engine == nullptr || machine.frozen_until > now) return;
  machine.log->set_away(machine.away_until > now);
  if (const Result<bool> worked = machine.engine->step(); !worked.ok()) {
    failure_ = "machine " + std::to_string(machine.number) + ": " + worked.status().message();
    note(failure_);
  }
  if (machine.stopping && machine.engine->finished()) stopped(machine);
}

void World::feed() {
  for (std::uint64_t n = random_() % 8; n > 0 && sent_ < records_per_run; --n) {
    // Some are late, so that stream time is not the last record's.
    const Timestamp time{1'000 + sent_ * 10 - static_cast<std::int64_t>(random_() % 50)};
    newest_ = std::max(newest_, time.milliseconds());
    const std::string key = text("k" + std::to_string(random_() % keys));
    const std::string value = text(std::int64_t{sent_++});
    ++windows_[key + text(time.milliseconds() / window_ms * window_ms) + text(std::int32_t{0})];
    static_cast<void>(in_->send(log::partition_of(view(key), partitions), view(key), view(value), time, {}, {}));
  }
  if (random_() % 5 != 0) return;
  const std::string key = text("k" + std::to_string(random_() % keys));
  const bool erased = random_() % 4 == 0;
  const std::int64_t name = static_cast<std::int64_t>(random_() % 1'000);
  const std::string value = text(name);
  if (erased)
    named_.erase(key);
  else
    named_[key] = name;
  static_cast<void>(names_->send(log::partition_of(view(key), partitions), view(key), erased ? BytesView{} : view(value),
                                 Timestamp{1'000 + sent_ * 10}, {}, {}));
}

void World::something_happens(Machine& machine) {
  const std::int64_t now = clock_.steady_ms();
  const std::string name = "machine " + std::to_string(machine.number);
  if (machine.engine == nullptr) return start(machine);
  switch (random_() % 6) {
    case 0:
      if (machine.stopping) return;
      note(name + " is asked to stop");
      machine.engine->request_stop();
      machine.stopping = true;
      return;
    case 1:
      return kill(machine, Disk::kept);
    case 2:
      return kill(machine, Disk::lost);
    case 3:
      machine.frozen_until = now + static_cast<std::int64_t>(random_() % (3 * session_ms));
      return note(name + " freezes until " + std::to_string(machine.frozen_until));
    case 4:
      machine.away_until = now + static_cast<std::int64_t>(random_() % (3 * session_ms));
      return note(name + " loses the log until " + std::to_string(machine.away_until));
    default:
      return;  // nothing for once
  }
}

void World::run() {
  start(machines_[0]);
  while (failure_.empty() && (sent_ < records_per_run || random_() % 100 != 0)) {
    clock_.advance(Duration{static_cast<std::int64_t>(1 + random_() % 15)});
    if (random_() % 8 == 0) feed();
    if (random_() % 60 == 0 || running() == 0) something_happens(machines_[random_() % machines_.size()]);
    for (std::uint64_t n = 1 + random_() % 4; n > 0 && failure_.empty(); --n) step(machines_[random_() % machines_.size()]);
  }
}

std::string World::settle() {
  note("all goes well from now on");
  if (running() == 0) start(machines_[0]);
  const auto done = [this] {
    int engines = 0;
    for (Machine& machine : machines_) {
      if (machine.engine == nullptr) continue;
      ++engines;
      const Result<bool> drained = machine.engine->drained();
      if (machine.stopping || !drained.ok() || !*drained || machine.engine->restoring()) return false;
    }
    return engines != 0;
  };
  int quiet = 0;
  for (int round = 0; round < 3'000 && failure_.empty(); ++round) {
    clock_.advance(Duration{25});
    if (running() == 0) start(machines_[0]);
    for (Machine& machine : machines_) {
      if (machine.engine == nullptr) continue;
      machine.frozen_until = machine.away_until = 0;
      machine.log->set_calm();
      step(machine);
    }
    quiet = done() ? quiet + 1 : 0;
    if (quiet > 2 * session_ms / 25) return failure_;  // the dead are out by then, and what they had has found an owner
  }
  if (!failure_.empty()) return failure_;
  std::string stuck = "stuck:";
  for (const Machine& machine : machines_) {
    if (machine.engine == nullptr) continue;
    for (const auto& task : machine.engine->figures()) {
      if (!task->closed)
        stuck += " machine " + std::to_string(machine.number) + " task " + task->sub_topology + '/' + std::to_string(task->partition) +
                 " lag " + std::to_string(task->lag) + (task->restoring ? " restoring;" : ";");
    }
  }
  return stuck;
}

std::map<log::Partition, std::map<std::string, std::string>> World::rows(const std::string& table, std::string& problems) {
  std::map<log::Partition, std::map<std::string, std::string>> all;
  for (const Machine& machine : machines_) {
    if (machine.engine == nullptr) continue;
    static_cast<void>(machine.engine->visit([&](detail::Task::Impl& task) {
      detail::StoreBase* store = task.find_store(table);
      if (store == nullptr) return;
      if (all.contains(task.partition())) problems += table + '/' + std::to_string(task.partition()) + " has two owners\n";
      auto& rows = all[task.partition()];
      static_cast<void>(
          store->for_each(detail::Contents::committed, [&](BytesView key, BytesView value, Timestamp) { rows[text(key)] = text(value); }));
    }));
  }
  if (all.size() != partitions) problems += table + " has " + std::to_string(all.size()) + " partitions with an owner\n";
  return all;
}

std::vector<std::pair<std::string, std::string>> World::records(const std::string& topic, log::Partition partition) {
  std::vector<std::pair<std::string, std::string>> all;
  const auto bounds = log_->bounds({topic, partition});
  if (!bounds.ok()) return all;
  const auto reader = log_->reader({topic, partition}, bounds->begin, nullptr);
  const auto read = [&] {
    const auto taken = (*reader)->poll(1'000, [&](std::span<const RawMessage> batch) {
      for (const RawMessage& m : batch) all.emplace_back(text(m.key), m.value.data() == nullptr ? "erased" : text(m.value));
      return batch.size();
    });
    return taken.ok() && *taken != 0;
  };
  while (read()) {
  }
  return all;
}

std::string World::check() {
  std::string problems;
  std::map<std::string, std::int64_t> expected;
  for (std::int64_t v = 0; v < sent_; ++v) ++expected[text(v % groups)];

  // Tables are what the inputs ask for, and what their changelogs say.
  std::map<std::string, std::map<std::string, std::string>> tables;
  for (const char* table : {"counts", "threes", "names", "last"}) {
    const std::string name = table;
    for (const auto& [partition, rows] : rows(name, problems)) {
      tables[name].insert(rows.begin(), rows.end());
      std::map<std::string, std::string> replayed;
      for (const auto& [key, value] : records(name == "names" ? name : "simulated-" + name + "-changelog", partition)) {
        if (value == "erased")
          replayed.erase(key);
        else
          replayed[key] = value;
      }
      if (replayed != rows) problems += name + '/' + std::to_string(partition) + " is not what its changelog says\n";
    }
  }
  // Windows are right as long as they are there, and their changelog forgets those that have gone.
  log::Offset purged = 0;
  for (const auto& [partition, rows] : rows("windows", problems)) {
    for (const auto& [key, value] : rows) {
      if (number(value) != windows_[key])
        problems += "a window has " + std::to_string(number(value)) + ", not " + std::to_string(windows_[key]) + '\n';
    }
    if (rows.empty()) problems += "windows/" + std::to_string(partition) + " has no rows\n";
    if (const auto bounds = log_->bounds({"simulated-windows-changelog", partition}); bounds.ok()) purged += bounds->begin;
  }
  if (purged == 0) problems += "nothing of the windows' changelog was let go of\n";
  for (const auto& [group, count] : expected) {
    const std::int64_t found = number(tables["counts"][group]), threes = number(tables["threes"][group]);
    if (found != count)
      problems += "counts of " + std::to_string(number(group)) + ": " + std::to_string(found) + ", not " + std::to_string(count) + '\n';
    if (threes != count % 3)
      problems +=
          "threes of " + std::to_string(number(group)) + ": " + std::to_string(threes) + ", not " + std::to_string(count % 3) + '\n';
  }
  std::map<std::string, std::int64_t> names_found;
  for (const auto& [key, value] : tables["names"]) names_found[key] = number(value);
  if (names_found != named_) problems += "names are not those that were sent last\n";

  // Every change of a count stands in the output once, in order; every record was looked up once.
  std::map<std::string, std::int64_t> last;
  std::multiset<std::int64_t> seen;
  std::map<std::string, std::int64_t> numbers;
  for (log::Partition p = 0; p < partitions; ++p) {
    for (const auto& [group, count] : records("changes", p)) {
      if (number(count) != ++last[group])
        problems += "changes of " + std::to_string(number(group)) + ": " + std::to_string(number(count)) + " follows " +
                    std::to_string(last[group] - 1) + '\n';
    }
    for (const auto& [key, value] : records("looked-up", p)) seen.insert(number(value));
    for (const auto& [key, value] : records("numbered", p)) {
      if (number(value) != ++numbers[key])
        problems += key + " has number " + std::to_string(number(value)) + " after " + std::to_string(numbers[key] - 1) + '\n';
    }
  }
  if (last != expected) problems += "changes do not end as the counts\n";
  std::int64_t sum = 0;
  for (const auto& [key, count] : numbers) sum += count;
  if (sum != sent_) problems += std::to_string(sum) + " records were numbered, not " + std::to_string(sent_) + '\n';
  for (std::int64_t v = 0; v < sent_; ++v) {
    if (seen.count(v) != 1) problems += "record " + std::to_string(v) + " was looked up " + std::to_string(seen.count(v)) + " times\n";
  }

  // Stream time is remembered through everything: the newest of those that the tasks know is the newest record's.
  Timestamp newest;
  for (const Machine& machine : machines_) {
    if (machine.engine == nullptr) continue;
    static_cast<void>(machine.engine->visit([&](detail::Task::Impl& task) {
      if (task.task().stream_time > newest) newest = task.task().stream_time;
    }));
  }
  if (newest.milliseconds() < newest_)
    problems += "stream time is " + std::to_string(newest.milliseconds()) + ", not " + std::to_string(newest_) + '\n';
  return problems;
}

}  // namespace klamm::simulation
