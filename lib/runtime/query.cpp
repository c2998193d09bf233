#include "runtime/query.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>
#include <string_view>
#include <thread>
#include <utility>

#include "log/partitioner.hpp"

namespace klamm::inline v0::runtime {
namespace {

using Steady = std::chrono::steady_clock;
constexpr std::chrono::microseconds until_moved{100};

Steady::time_point end_of(Duration patience) {
  constexpr std::int64_t year = std::int64_t{365} * 24 * 3600 * 1000;
  return Steady::now() + std::chrono::milliseconds{std::clamp<std::int64_t>(patience.milliseconds(), 0, year)};
}

/// Answers that are on their way. Shared with the workers, so that who asks may give up.
class Answers {
 public:
  enum class Answer : unsigned char { none, given, not_here };

  explicit Answers(std::size_t owners) : answers_(owners, Answer::none) {}
  void give(std::size_t owner, Answer answer) {
    const std::lock_guard lock{mutex_};
    answers_[owner] = answer;
    changed_.notify_one();
  }
  void forget(std::size_t owner) {
    const std::lock_guard lock{mutex_};
    answers_[owner] = Answer::none;
  }
  /// Waits until nobody is silent. The first owner that is, past the time; else the number of owners.
  std::size_t wait(Steady::time_point end) {
    std::unique_lock lock{mutex_};
    const auto silent = [this] { return std::find(answers_.begin(), answers_.end(), Answer::none); };
    changed_.wait_until(lock, end, [&] { return silent() == answers_.end(); });
    return static_cast<std::size_t>(silent() - answers_.begin());
  }
  Answer operator[](std::size_t owner) {
    const std::lock_guard lock{mutex_};
    return answers_[owner];
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Answer> answers_;
};

}  // namespace

StoreQuery::StoreQuery(const Engine& engine, std::string store, Duration patience)
    : engine_{engine}, store_{std::move(store)}, patience_{patience} {}

Status StoreQuery::check(const Assignment::Owner& owner, std::size_t partition) const {
  const std::string where = "table \"" + store_ + "\": partition " + std::to_string(partition);
  if (!owner.mine) {
    return {Code::elsewhere,
            where + " is not assigned to this instance of application \"" + engine_.application_id() + "\": ask the others", store_};
  }
  if (owner.task == nullptr) return {Code::unavailable, where + " is being opened", store_};
  if (owner.task->closed) return {Code::unavailable, where + " was closed: application \"" + engine_.application_id() + "\" stops", store_};
  if (owner.task->restoring) {
    return {Code::unavailable,
            where + " is being restored: " + std::to_string(owner.task->restored) + " of at most " +
                std::to_string(owner.task->restore_total) + " changelog records so far",
            store_};
  }
  return {};
}

Status StoreQuery::late(int worker) const {
  std::string why = "table \"" + store_ + "\": worker " + std::to_string(worker) + " did not answer within " +
                    std::to_string(patience_.milliseconds()) + " ms";
  const Worker& late = *engine_.workers()[static_cast<std::size_t>(worker)];
  if (const TaskFigures task = late.at_work_since(engine_.clock().steady_ms() - patience_.milliseconds() / 2)) {
    why += ": it is in a function of task " + task->sub_topology + '/' + std::to_string(task->partition);
  } else {
    why += ": it waits for the log or for its disk, or has much to do";
  }
  return {Code::unavailable, std::move(why), store_};
}

Status StoreQuery::ask(const std::vector<TaskFigures>& owners, Question question) {
  const auto end = end_of(patience_);
  const auto answers = std::make_shared<Answers>(owners.size());
  const auto shared = std::make_shared<const Question>(std::move(question));
  std::vector<int> asked(owners.size());
  const auto send = [&](std::size_t i) {
    asked[i] = owners[i]->worker;
    return engine_.workers()[static_cast<std::size_t>(asked[i])]->ask([answers, shared, i, owner = owners[i]](Worker& worker) {
      const auto& tasks = worker.owned();
      const auto task = std::find_if(tasks.begin(), tasks.end(), [&](const auto& each) { return each->figures() == owner; });
      const bool here = task != tasks.end() && !owner->closed;
      if (here) (*shared)(**task, i);
      answers->give(i, here ? Answers::Answer::given : Answers::Answer::not_here);
    });
  };
  const auto stopped = [this] {
    return Status{Code::unavailable, "table \"" + store_ + "\": application \"" + engine_.application_id() + "\" has stopped", store_};
  };
  for (std::size_t i = 0; i < owners.size(); ++i) {
    if (!send(i)) return stopped();
  }
  for (;;) {
    if (const std::size_t silent = answers->wait(end); silent != owners.size()) return late(asked[silent]);
    bool moved = false;
    for (std::size_t i = 0; i < owners.size(); ++i) {
      if ((*answers)[i] != Answers::Answer::not_here) continue;
      // On its way to another worker, which may not have opened its mail yet.
      if (owners[i]->closed) return stopped();
      if (!moved) std::this_thread::sleep_for(until_moved);
      moved = true;
      answers->forget(i);
      if (!send(i)) return stopped();
    }
    if (!moved) return {};
    if (Steady::now() >= end) return late(asked.front());
  }
}

Result<std::optional<Bytes>> StoreQuery::get_from(const std::vector<TaskFigures>& owners, BytesView key) {
  struct Found {
    Bytes key;
    std::mutex mutex;  // workers answer side by side
    std::size_t owner = ~std::size_t{0};
    Bytes value;
    Status problem;
  };
  const auto found = std::make_shared<Found>();
  found->key.assign(key.begin(), key.end());
  Status asked = ask(owners, [found, store = store_](Task::Impl& task, std::size_t owner) {
    Bytes value;
    Timestamp timestamp;
    Status problem;
    bool here = false;
    if (task.restoring()) {
      problem = {Code::unavailable, "table \"" + store + "\": partition " + std::to_string(task.partition()) + " is being restored", store};
    } else {
      const Result<bool> got = task.find_store(store)->get(detail::Contents::committed, found->key, value, timestamp);
      problem = got.status();
      here = got.ok() && *got;
    }
    const std::lock_guard lock{found->mutex};
    if (!problem.ok()) found->problem = problem;
    if (!here || owner > found->owner) return;
    found->owner = owner;
    found->value = std::move(value);
  });
  if (!asked.ok()) return asked;
  const std::lock_guard lock{found->mutex};
  if (!found->problem.ok()) return found->problem;
  if (found->owner == ~std::size_t{0}) return std::optional<Bytes>{};
  return std::optional<Bytes>{std::move(found->value)};
}

namespace {

/// What of a row's key decides about its partition: of a window the key without its time.
BytesView placing_part(const detail::Graph& graph, const std::string& store, BytesView key) {
  const auto entry =
      std::find_if(graph.stores.begin(), graph.stores.end(), [&](const detail::StoreEntry& each) { return each.name == store; });
  if (entry == graph.stores.end()) return key;
  const std::size_t behind = detail::tail_bytes(entry->order.tail);
  return key.first(key.size() - std::min(key.size(), behind));
}

}  // namespace

Result<std::optional<Bytes>> StoreQuery::get(BytesView key) {
  Result<std::vector<Assignment::Owner>> owners = engine_.owners(store_);
  if (!owners.ok()) return owners.status();
  const bool placed = placed_by_key(*engine_.plan().graph, store_);
  const auto home = static_cast<std::size_t>(
      log::partition_of(placing_part(*engine_.plan().graph, store_, key), static_cast<log::Partition>(owners->size())));
  const TaskFigures first = (*owners)[home].task;
  Status available = check((*owners)[home], home);
  if (available.ok()) {
    Result<std::optional<Bytes>> found = get_from({first}, key);
    if (placed || !found.ok() || *found) return found;
  }
  if (placed) return available;
  std::vector<TaskFigures> others;
  for (std::size_t p = 0; p < owners->size(); ++p) {
    if (p == home) continue;
    if (const Status status = check((*owners)[p], p); status.ok())
      others.push_back((*owners)[p].task);
    else
      available = status;
  }
  Result<std::optional<Bytes>> found = others.empty() ? std::optional<Bytes>{} : get_from(others, key);
  // It may be where nobody could be asked.
  if (found.ok() && !*found && !available.ok()) return available;
  return found;
}

Result<std::vector<std::unique_ptr<detail::StoreSnapshot>>> StoreQuery::snapshots(const std::vector<detail::KeyRange>& ranges) {
  Result<std::vector<Assignment::Owner>> owners = engine_.owners(store_);
  if (!owners.ok()) return owners.status();
  std::vector<std::unique_ptr<detail::StoreSnapshot>> snapshots(owners->size());
  std::vector<TaskFigures> in_memory;
  std::vector<std::size_t> places;
  for (std::size_t p = 0; p < owners->size(); ++p) {
    const TaskFigures& owner = (*owners)[p].task;
    if (Status status = check((*owners)[p], p); !status.ok()) return status;
    if (const auto& reader = owner->stores.find(store_)->second.reader; reader != nullptr) {
      Result<std::unique_ptr<detail::StoreSnapshot>> snapshot = reader->snapshot();
      if (!snapshot.ok()) return snapshot.status();
      snapshots[p] = std::move(*snapshot);
      continue;
    }
    in_memory.push_back(owner);
    places.push_back(p);
  }
  if (in_memory.empty()) return snapshots;
  struct Copies {
    std::vector<detail::KeyRange> ranges;
    std::mutex mutex;
    std::vector<Result<std::unique_ptr<detail::StoreSnapshot>>> copies;
  };
  const auto shared = std::make_shared<Copies>();
  shared->ranges = ranges;
  for (std::size_t i = 0; i < in_memory.size(); ++i) shared->copies.emplace_back(Status{Code::internal, "no answer"});
  Status asked = ask(in_memory, [shared, store = store_](Task::Impl& task, std::size_t owner) {
    Result<std::unique_ptr<detail::StoreSnapshot>> copy = task.find_store(store)->copy(shared->ranges);
    const std::lock_guard lock{shared->mutex};
    shared->copies[owner] = std::move(copy);
  });
  if (!asked.ok()) return asked;
  const std::lock_guard lock{shared->mutex};
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (!shared->copies[i].ok()) return shared->copies[i].status();
    snapshots[places[i]] = std::move(*shared->copies[i]);
  }
  return snapshots;
}

bool placed_by_key(const detail::Graph& graph, const std::string& store) {
  const auto entry =
      std::find_if(graph.stores.begin(), graph.stores.end(), [&](const detail::StoreEntry& each) { return each.name == store; });
  if (entry == graph.stores.end()) return false;
  // A processor keeps what keys it likes; only these keep those of their records.
  constexpr std::string_view keyed[] = {"count", "reduce", "aggregate", "to_table", "cogroup"};
  if (std::find(std::begin(keyed), std::end(keyed), graph.at(entry->node).kind) == std::end(keyed)) return false;
  std::vector<detail::NodeId> left{entry->node};
  std::set<detail::NodeId> seen;
  while (!left.empty()) {
    const detail::Node& node = graph.at(left.back());
    left.pop_back();
    if (node.kind == "source") {
      if (graph.topics[static_cast<std::size_t>(node.topic)].cls != detail::TopicClass::repartition) return false;
      continue;
    }
    for (const detail::NodeId input : node.inputs) {
      if (seen.insert(input).second) left.push_back(input);
    }
  }
  return true;
}

}  // namespace klamm::inline v0::runtime
