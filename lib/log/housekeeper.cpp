#include "log/housekeeper.hpp"

#include <algorithm>
#include <utility>

namespace klamm::inline v0::log {
namespace {

constexpr Duration patience{20};
constexpr std::chrono::milliseconds slice{10};

}  // namespace

void Housekeeper::note(const std::shared_ptr<PartitionLog>& partition, Offset seen) {
  {
    const std::lock_guard lock{mutex_};
    Offset& noted = due_[partition];
    noted = std::max(noted, seen);
    if (std::exchange(queued_, true)) return;
  }
  writer_.submit(shared_from_this(), patience);
}

std::size_t Housekeeper::prepare() {
  const std::lock_guard lock{mutex_};
  taken_ = std::exchange(due_, {});
  queued_ = false;
  return 0;
}

Status Housekeeper::write(LogFile& file) {
  const auto until = std::chrono::steady_clock::now() + slice;
  bool in_time = true;
  while (!taken_.empty() && in_time) {
    const auto [partition, seen] = *taken_.begin();
    if (partition->removed()) {
      taken_.erase(taken_.begin());
      continue;
    }
    partition->upkeep.seen = std::max(partition->upkeep.seen, seen);
    const Offset begin = partition->bounds().begin;
    bool more = true;
    while (more && in_time) {
      auto erased = file.erase_oldest(partition->id(), begin);
      if (!erased.ok()) return erased.status();
      more = erased->has_value();
      partition->upkeep.records -= erased->value_or(0);
      in_time = std::chrono::steady_clock::now() < until;
    }
    if (Status status = file.save(*partition, begin); !status.ok()) return status;
    if (!more) taken_.erase(taken_.begin());
  }
  return {};
}

void Housekeeper::ended(const Status& status) {
  if (!status.ok()) return;
  for (const auto& [partition, seen] : std::exchange(taken_, {})) note(partition, seen);
}

}  // namespace klamm::inline v0::log
