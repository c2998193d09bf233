#include "log/shared_groups.hpp"

#include <algorithm>
#include <utility>

namespace klamm::inline v0::log {

class SharedGroups::MemberOf final : public Member {
 public:
  MemberOf(SharedGroups& groups, std::string group, std::shared_ptr<State> state, GroupListener& listener)
      : groups_{groups}, group_{std::move(group)}, state_{std::move(state)}, listener_{listener} {}
  ~MemberOf() override { groups_.leave(group_, state_->id); }

  Status poll() override { return groups_.poll(group_, *state_, listener_); }

 private:
  SharedGroups& groups_;
  const std::string group_;
  const std::shared_ptr<State> state_;
  GroupListener& listener_;
};

Result<std::unique_ptr<Member>> SharedGroups::join(Client client, const std::string& group, const std::vector<std::string>& names,
                                                   GroupListener& listener) {
  for (const auto& name : names) {
    if (auto topic = topics_.get(name); !topic.ok()) return topic.status();
  }
  const std::lock_guard lock{mutex_};
  auto state = std::make_shared<State>();
  state->id = next_id_++;
  state->client = client;
  state->topics = names;
  state->polled_ms = clock_.steady_ms();
  groups_[group].emplace(state->id, state);
  expire(groups_[group]);
  rebalance(groups_[group]);
  return std::unique_ptr<Member>{std::make_unique<MemberOf>(*this, group, std::move(state), listener)};
}

void SharedGroups::leave(const std::string& group, int id) {
  const std::lock_guard lock{mutex_};
  groups_[group].erase(id);
  rebalance(groups_[group]);
}

void SharedGroups::expire(Group& group) {
  bool changed = false;
  for (auto& [id, state] : group) {
    if (state->out || clock_.steady_ms() - state->polled_ms <= session_.milliseconds()) continue;
    state->out = changed = true;
    state->target.clear();
  }
  if (changed) rebalance(group);
}

SharedGroups::Partitions SharedGroups::all_of(const Group& group) const {
  Partitions all;
  for (const auto& [id, state] : group) {
    for (const auto& name : state->topics) {
      const auto topic = topics_.find(name);
      for (Partition p = 0; topic && p < topic->state.partitions; ++p) all.insert({name, p});
    }
  }
  return all;
}

void SharedGroups::rebalance(Group& group) {
  std::vector<State*> members;
  for (auto& [id, state] : group) {
    if (!state->out) members.push_back(state.get());
  }
  if (members.empty()) return;
  const auto fewer = [](const State* a, const State* b) { return a->target.size() < b->target.size(); };
  Partitions homeless = all_of(group);
  for (const State* member : members) {
    for (const auto& tp : member->target) homeless.erase(tp);
  }
  std::for_each(homeless.rbegin(), homeless.rend(),
                [&](const auto& tp) { (*std::min_element(members.begin(), members.end(), fewer))->target.insert(tp); });
  for (;;) {
    State* least = *std::min_element(members.begin(), members.end(), fewer);
    State* most = *std::max_element(members.begin(), members.end(), fewer);
    if (most->target.size() - least->target.size() <= 1) return;
    least->target.insert(most->target.extract(std::prev(most->target.end())));
  }
}

Status SharedGroups::poll(const std::string& name, State& state, GroupListener& listener) {
  const auto list = [](const Partitions& set) { return std::vector<TopicPartition>{set.begin(), set.end()}; };
  std::unique_lock lock{mutex_};
  Group& group = groups_[name];
  expire(group);
  state.polled_ms = clock_.steady_ms();
  if (state.out) {
    const auto lost = list(std::exchange(state.owned, {}));
    state.out = false;
    rebalance(group);
    lock.unlock();
    listener.lost(lost);
    return {};
  }
  std::vector<TopicPartition> gives, takes;
  std::set_difference(state.owned.begin(), state.owned.end(), state.target.begin(), state.target.end(), std::back_inserter(gives));
  if (!gives.empty()) {
    lock.unlock();
    listener.revoked(gives);
    lock.lock();
    if (state.out) return {};  // the session ended meanwhile: the next poll tells
    for (const auto& tp : gives) state.owned.erase(tp);
  }
  for (const auto& tp : state.target) {
    const bool taken =
        std::any_of(group.begin(), group.end(), [&](const auto& other) { return !other.second->out && other.second->owned.contains(tp); });
    if (!taken) takes.push_back(tp);
  }
  state.owned.insert(takes.begin(), takes.end());
  const bool first = !std::exchange(state.told, true);
  lock.unlock();
  if (first || !takes.empty()) listener.assigned(takes);
  return {};
}

GroupDescription SharedGroups::describe(Client client, const std::string& name) {
  const std::lock_guard lock{mutex_};
  GroupDescription found;
  for (const auto& [id, state] : groups_[name]) {
    if (state->out) continue;
    std::string number = std::to_string(id);
    number.insert(0, 6 - std::min<std::size_t>(number.size(), 6), '0');  // as text in the order of the numbers
    found.members.push_back({"member-" + number, state->client == client, {state->owned.begin(), state->owned.end()}});
  }
  return found;
}

Status SharedGroups::may_commit(Client client, const std::string& name, std::span<const OffsetCommit> offsets) {
  const std::lock_guard lock{mutex_};
  Group& group = groups_[name];
  expire(group);
  const auto found = std::find_if(group.begin(), group.end(), [&](const auto& entry) { return entry.second->client == client; });
  if (found == group.end() || found->second->out)
    return {Code::aborted, "group \"" + name + "\": this member is out, its partitions are others' now", name};
  const State& state = *found->second;
  for (const auto& offset : offsets) {
    const bool subscribed = std::find(state.topics.begin(), state.topics.end(), offset.input.topic) != state.topics.end();
    if (subscribed && !state.owned.contains(offset.input))
      return {Code::aborted, "group \"" + name + "\": partition " + to_string(offset.input) + " is another member's now", name};
  }
  return {};
}

}  // namespace klamm::inline v0::log
