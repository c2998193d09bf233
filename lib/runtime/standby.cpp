#include "runtime/standby.hpp"

#include <algorithm>

namespace klamm::inline v0::runtime {

std::vector<log::TopicPartition> Standby::inputs() const {
  std::vector<log::TopicPartition> partitions;
  for (const int input : sub_->inputs) partitions.push_back({env_->plan.topic_name(input), partition_});
  return partitions;
}

Status Standby::follow(const std::vector<std::optional<log::Committed>>& committed) {
  if (!committed.front() || committed.front()->metadata.empty()) return {};  // nothing is known of the stores yet
  Result<CommitMark> mark = CommitMark::decode(committed.front()->metadata, "topic " + to_string(inputs().front()));
  if (!mark.ok()) return mark.status();
  for (const StorePlan& plan : sub_->stores) {
    const auto known = mark->stores.find(plan.name);
    if (known == mark->stores.end()) continue;
    const auto input = std::find(sub_->inputs.begin(), sub_->inputs.end(), plan.source_topic) - sub_->inputs.begin();
    log::Offset position = 0;
    if (plan.source_topic >= 0) {
      const std::optional<log::Committed>& of_source = committed[static_cast<std::size_t>(input)];
      const auto remembered = mark->followers.find(env_->plan.topic_name(plan.source_topic));
      if (!of_source && remembered == mark->followers.end()) continue;
      position = of_source ? of_source->offset : remembered->second;
    }
    const auto open = std::find_if(stores_.begin(), stores_.end(), [&plan](const auto& store) { return store->plan().name == plan.name; });
    if (open != stores_.end()) {
      if (Status status = (*open)->follow(known->second, position); !status.ok()) return status;
      continue;
    }
    auto store = std::make_unique<TaskStore>(*env_, plan, partition_, TaskStore::Role::standby);
    if (Status status = store->open(&known->second, position); !status.ok()) return status;
    stores_.push_back(std::move(store));
  }
  return {};
}

Result<bool> Standby::replay(std::size_t limit) {
  bool worked = false;
  for (const auto& store : stores_) {
    if (store->lag() == 0) continue;
    Result<TaskStore::Restored> done = store->restore_some(limit);
    if (!done.ok()) return done.status();
    worked = worked || *done != TaskStore::Restored::waits;
  }
  return worked;
}

void Standby::tick(std::int64_t steady_ms) {
  for (const auto& store : stores_) store->tick(steady_ms);
}

void Standby::release(KeptStores& kept) {
  for (const auto& store : stores_) kept[{store->plan().name, partition_}] = store->release();
  stores_.clear();
}

Status Standby::close() {
  Status first;
  for (const auto& store : stores_) {
    if (Status status = store->close(); !status.ok() && first.ok()) first = status;
  }
  stores_.clear();
  return first;
}

bool Standby::has(const std::string& store) const {
  return std::any_of(stores_.begin(), stores_.end(), [&store](const auto& each) { return each->plan().name == store; });
}

}  // namespace klamm::inline v0::runtime
