#include "runtime/task_store.hpp"

#include <algorithm>
#include <iterator>
#include <random>

#include "graph/graph.hpp"
#include "runtime/standbys.hpp"

namespace klamm::inline v0::runtime {
namespace {

/// A commit that its log does not show for so long is lost.
constexpr std::int64_t late_at_most_ms = 60'000;

std::string random_id(std::uint64_t seed, const std::string& salt) {
  std::uint64_t state = seed;
  if (seed == 0) {
    std::random_device device;
    state = std::uint64_t{device()} << 32 | device();
  }
  for (const char c : salt) state = (state ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  std::mt19937_64 random{state};
  static constexpr char digits[] = "0123456789abcdef";
  std::string id;
  for (int i = 0; i < 16; ++i) id += digits[random() % 16];
  return id;
}

}  // namespace

TaskStore::TaskStore(Environment& environment, const StorePlan& plan, log::Partition partition, Role role)
    : env_{&environment},
      plan_{plan},
      changelog_{plan.changelog, partition},
      role_{role},
      store_{environment.plan.graph->stores[static_cast<std::size_t>(plan.id)].make()} {
  const detail::RowOrder& order = environment.plan.graph->stores[static_cast<std::size_t>(plan.id)].order;
  if (order.tail != detail::Tail::none) store_->order(order);
  expires_ = order.segment_ms > 0;
}

Status TaskStore::records_lost(log::Offset end) const {
  return {Code::data_loss,
          "changelog " + to_string(changelog_) + ": ends at offset " + std::to_string(end) + ", the last commit wrote up to " +
              std::to_string(restore_end_) + ": records were lost; restore the log from a backup, or start anew with reset",
          plan_.name};
}

bool TaskStore::take_kept(const log::Bounds& bounds) {
  if (role_ == Role::task && env_->standbys != nullptr) env_->standbys->give(plan_.name, changelog_.partition);
  const std::lock_guard lock{env_->keeping};
  const auto kept = env_->kept.find({plan_.name, changelog_.partition});
  if (kept == env_->kept.end()) return false;
  const log::Offset position = kept->second.store->position();
  const bool fits = kept->second.lineage == lineage_ && position >= bounds.begin && position <= bounds.end;
  if (fits) {
    store_ = std::move(kept->second.store);
    had_standby_ = kept->second.of_standby;
    if (had_standby_) report_take_over(true);
  }
  env_->kept.erase(kept);
  return fits;
}

Status TaskStore::open(const CommitMark::Store* known, log::Offset input_committed) {
  Result<log::Bounds> bounds = env_->log.bounds(changelog_);
  if (!bounds.ok()) return bounds.status();
  const log::Offset shown = bounds->end;
  // A source topic is replayed up to the input's own position, so that the table is exactly as of it.
  if (plan_.source_topic >= 0)
    bounds->end = input_committed;
  else if (known != nullptr && (shown < known->changelog_end || env_->settings.guarantee == Guarantee::exactly_once))
    bounds->end = known->changelog_end;
  lineage_ = known != nullptr ? known->lineage : random_id(env_->settings.seed, to_string(changelog_));
  changelog_end_ = restore_end_ = bounds->end;
  if (plan_.source_topic < 0 && shown < restore_end_ && !env_->log.shows_commits_late()) return records_lost(shown);
  if (known != nullptr) settled_segments_ = segments_ = known->segments;
  purged_ = bounds->begin;
  const detail::StoreEntry& entry = env_->plan.graph->stores[static_cast<std::size_t>(plan_.id)];
  types_ = {entry.key_schema, entry.value_schema, store_->upgrades()};
  if (plan_.source_topic < 0) {
    Result<Written> written = go_on(known != nullptr ? known->written : Written{}, types_, *bounds, holds());
    if (!written.ok()) return written.status();
    written_ = std::move(*written);
  }
  if (take_kept(*bounds)) {
    restore_begin_ = store_->position();
    if (known != nullptr) store_->expire_restored(known->expired_before);
    open_ = true;
    return {};
  }
  detail::StoreFile file;
  if (!env_->settings.state_dir.empty())
    file.path = env_->settings.state_dir + '/' + plan_.name + '/' + std::to_string(changelog_.partition) + ".sqlite";
  file.store = plan_.name;
  file.application = env_->plan.application_id;
  file.partition = changelog_.partition;
  file.lineage = lineage_;
  file.key_schema = entry.key_schema;
  file.value_schema = entry.value_schema;
  file.changelog_begin = bounds->begin;
  file.changelog_end = bounds->end;
  if (known != nullptr) file.expired_before = known->expired_before;
  file.dirty_bytes = env_->settings.checkpoint_bytes;
  if (env_->memory != nullptr) {
    file.shared = env_->memory;
    file.memory_bytes = env_->memory->equal_share();
  }
  file.checkpoint_interval = env_->settings.checkpoint_interval;
  Result<detail::Opened> opened = store_->open(file, env_->background);
  if (!opened.ok()) return opened.status();
  const bool rebuilt = opened->how == detail::Opened::How::rebuilt;
  if (!opened->reason.empty())
    env_->logger(rebuilt ? Level::warning : Level::debug, "state", opened->reason,
                 {{"store", plan_.name}, {"partition", std::to_string(changelog_.partition)}});
  if (plan_.source_topic >= 0 && bounds->begin > 0 && opened->how != detail::Opened::How::resumed) {
    return Status{Code::failed_precondition,
                  "store \"" + plan_.name + "\" partition " + std::to_string(changelog_.partition) + ": has to be restored from topic \"" +
                      plan_.changelog + "\", which has let go of the records below offset " + std::to_string(bounds->begin) +
                      ": keep the topic (Retention::keep), bring the store's file back, or send the records again",
                  plan_.name};
  }
  restore_begin_ = std::clamp(store_->position(), bounds->begin, bounds->end);
  if (const std::string* older = written_.older_at(restore_begin_); older != nullptr && !types_.upgrades)
    return no_upgrade(*older, types_, holds());
  if (known != nullptr && opened->how != detail::Opened::How::resumed && restore_total() > 0) report_take_over(false);
  open_ = true;
  return {};
}

void TaskStore::report_take_over(bool from_here) const {
  if (role_ != Role::task || env_->standbys == nullptr) return;
  env_->standbys->count(from_here);
  if (from_here) return;
  env_->logger(Level::info, "standby",
               holds() + "up to " + std::to_string(restore_total()) + " records, and no standby of it was here: all are replayed",
               {{"store", plan_.name}, {"partition", std::to_string(changelog_.partition)}});
}

Status TaskStore::follow(const CommitMark::Store& known, log::Offset input_committed) {
  if (known.lineage != lineage_) {
    return {Code::failed_precondition, "store \"" + plan_.name + "\": its changelog has begun anew, with lineage " + known.lineage,
            plan_.name};
  }
  const log::Offset end = plan_.source_topic >= 0 ? input_committed : known.changelog_end;
  if (plan_.source_topic < 0) {
    Result<Written> written = go_on(known.written, types_, {position(), end}, holds());
    if (!written.ok()) return written.status();
    written_ = std::move(*written);
  }
  restore_end_ = std::max(restore_end_, end);
  store_->expire_restored(known.expired_before);
  return {};
}

log::Offset TaskStore::position() const { return reader_ == nullptr ? restore_begin_ : std::max(restore_begin_, reader_->position()); }
log::Offset TaskStore::lag() const { return std::max<log::Offset>(0, restore_end_ - position()); }

KeptStore TaskStore::release() {
  // A standby's reader sees what is committed only, so all that it has taken counts.
  if (role_ == Role::standby && position() > store_->position()) static_cast<void>(store_->end_restore(position()));
  return {std::move(store_), std::move(lineage_), role_ == Role::standby};
}

std::string TaskStore::holds() const { return "store \"" + plan_.name + "\": changelog " + to_string(changelog_) + " holds "; }

Status TaskStore::restore_one(const RawMessage& message) {
  const std::string* older = message.offset < written_.older_end() ? written_.older_at(message.offset) : nullptr;
  return older == nullptr ? store_->restore(message.key, message.value, message.timestamp)
                          : store_->restore_older(*older, message.key, message.value, message.timestamp);
}

Result<TaskStore::Restored> TaskStore::restore_some(std::size_t limit) {
  if (env_->clock.steady_ms() < retry_at_ms_) return Restored::waits;
  if (reader_ == nullptr) {
    Result<std::unique_ptr<log::Reader>> reader = env_->log.reader(changelog_, restore_begin_, nullptr);
    if (reader.status().code() == Code::unavailable) return pause();
    if (!reader.ok()) return reader.status();
    reader_ = std::move(*reader);
  }
  Status bad;
  Result<std::size_t> taken = reader_->poll(limit, [&](std::span<const RawMessage> batch) {
    std::size_t done = 0;
    for (; done < batch.size() && batch[done].offset < restore_end_; ++done) {
      const RawMessage& m = batch[done];
      if (m.key.data() == nullptr) continue;
      bad = restore_one(m);
      // What was committed of a source topic and can't be decoded is what the error policy has skipped.
      if (!bad.ok() && plan_.source_topic >= 0 && bad.code() != Code::unavailable) bad = {};
      if (!bad.ok()) break;
    }
    restored_ += static_cast<std::int64_t>(done);
    return done;
  });
  if (taken.status().code() == Code::unavailable) return pause();
  if (!taken.ok()) return taken.status();
  if (bad.code() == Code::unavailable) return pause();  // the same record again, later
  if (!bad.ok()) return bad;
  if (reader_->position() < restore_end_) {
    if (*taken != 0) {
      late_since_ms_ = -1;
      return Restored::some;
    }
    if (env_->log.shows_commits_late()) {
      const std::int64_t now = env_->clock.steady_ms();
      if (late_since_ms_ < 0) late_since_ms_ = now;
      if (now - late_since_ms_ > late_at_most_ms) return records_lost(reader_->position());
      return pause();
    }
  }
  if (Status status = store_->end_restore(restore_end_); !status.ok()) return status;
  if (role_ == Role::standby)
    store_->follow();
  else
    reader_.reset();
  return Restored::all;
}

bool TaskStore::tick(std::int64_t steady_ms) {
  store_->maybe_checkpoint(steady_ms);
  const bool more = store_->share_memory(steady_ms);
  publish(steady_ms);
  if (role_ == Role::standby) return more;  // the changelog is its owner's
  purge();
  read_others();
  if (plan_.source_topic >= 0) return more;
  const log::Offset from = store_->durable_position();
  if (from > restored_from_) {
    restored_from_ = from;
    env_->log.restored_from(changelog_, from);
  }
  return more;
}

void TaskStore::publish(std::int64_t steady_ms) {
  constexpr std::int64_t interval_ms = 50;
  if (steady_ms < published_ms_ + interval_ms && published_ms_ != 0) return;
  published_ms_ = steady_ms;
  const detail::StoreFigures figures = store_->figures();
  const std::lock_guard lock{figures_->mutex};
  figures_->store = figures;
}

Status TaskStore::attach(log::Producer& producer) {
  if (plan_.source_topic >= 0) return {};
  Result<log::Producer::Topic> topic = producer.topic(plan_.changelog);
  if (!topic.ok()) return topic.status();
  topic_ = *topic;
  return {};
}

Status TaskStore::drain(log::Producer& producer) {
  store_->begin_commit();
  bool wrote = false;
  const bool logged = plan_.source_topic < 0;
  store_->drain(~std::size_t{0}, [&](BytesView key, BytesView value, Timestamp timestamp) {
    if (!logged) return;
    producer.append(topic_, changelog_.partition, key, value, timestamp, {});
    wrote = true;
  });
  if (!write_again_.empty()) {
    if (Status status = drain_again(producer); !status.ok()) return status;
    wrote = true;
  }
  const std::uint64_t newest = store_->newest_segment();
  if (expires_ && wrote && (segments_.empty() || segments_.rbegin()->first < newest)) segments_[newest] = changelog_end_;
  return store_->content_status();
}

const log::Producer::Prepared::End* TaskStore::own(std::span<const log::Producer::Prepared::End> ends) const {
  if (plan_.source_topic >= 0) return nullptr;
  const auto own = std::find_if(ends.begin(), ends.end(),
                                [this](const auto& end) { return end.topic == topic_ && end.partition == changelog_.partition; });
  return own == ends.end() ? nullptr : &*own;
}

void TaskStore::look_for_others(std::span<const log::Producer::Prepared::End> ends) {
  const auto* own = this->own(ends);
  if (own == nullptr || own->records == 0 || own->offset - own->records <= changelog_end_) return;
  if (others_from_ >= others_end_) others_from_ = changelog_end_;
  others_end_ = own->offset;
  others_.reset();
  env_->logger(Level::warning, "state",
               "changelog " + to_string(changelog_) + ": has records that are not of the last commit, from offset " +
                   std::to_string(others_from_) + " on: what they say is written again",
               {{"store", plan_.name}});
}

void TaskStore::read_others() {
  if (others_from_ >= others_end_) return;
  if (others_ == nullptr) {
    auto reader = env_->log.reader(changelog_, others_from_, nullptr);
    if (!reader.ok()) return;  // again later
    others_ = std::move(*reader);
  }
  const auto taken = others_->poll(1'000, [this](std::span<const RawMessage> run) {
    for (const RawMessage& message : run) {
      if (message.offset < others_end_ && message.key.data() != nullptr) write_again_.emplace(message.key.begin(), message.key.end());
    }
    return run.size();
  });
  if (taken.ok() && others_->position() < others_end_) return;
  if (!taken.ok() && taken.status().code() == Code::unavailable) return;
  others_.reset();
  others_from_ = others_end_;
}

Status TaskStore::drain_again(log::Producer& producer) {
  Bytes value;
  for (const Bytes& key : write_again_) {
    Timestamp timestamp = env_->clock.now();
    const Result<bool> present = store_->get(detail::Contents::current, key, value, timestamp);
    if (!present.ok()) return present.status();
    if (!*present && expires_) continue;  // expired, and so it will be for whoever restores
    static constexpr std::byte empty{};   // what is empty is not null
    const BytesView bytes = !*present ? BytesView{} : value.empty() ? BytesView{&empty, 0} : BytesView{value};
    producer.append(topic_, changelog_.partition, key, bytes, timestamp, {});
  }
  writing_again_.merge(write_again_);
  write_again_.clear();
  return {};
}

CommitMark::Store TaskStore::mark(std::span<const log::Producer::Prepared::End> ends, log::Offset input_position) const {
  if (plan_.source_topic >= 0) return {lineage_, input_position};
  const auto* own = this->own(ends);
  CommitMark::Store mark{lineage_, own == nullptr ? changelog_end_ : own->offset};
  mark.expired_before = store_->expired_before();
  mark.segments = segments_;
  // Older ones say nothing more than the newest that has expired.
  while (mark.segments.size() > 1 && std::next(mark.segments.begin())->first <= store_->segment_at(mark.expired_before))
    mark.segments.erase(mark.segments.begin());
  mark.written = written_;
  return mark;
}

Status TaskStore::settle(const CommitMark::Store& mark) {
  writing_again_.clear();
  changelog_end_ = mark.changelog_end;
  if (expires_) {
    settled_segments_ = segments_ = mark.segments;
    // The newest segment that has expired begins where everything before it has.
    const auto first = segments_.upper_bound(store_->segment_at(mark.expired_before));
    if (first != segments_.begin()) expired_ = std::prev(first)->second;
  }
  return store_->settle(mark.changelog_end);
}

void TaskStore::abort() {
  segments_ = settled_segments_;
  write_again_.merge(writing_again_);
  writing_again_.clear();
  store_->abort();
}

void TaskStore::purge() {
  // Not beyond what the file is as of: it goes on from there.
  const log::Offset before = std::min(expired_, store_->durable_position());
  if (before <= purged_) return;
  if (env_->log.purge(changelog_, before).ok()) purged_ = before;  // else it is tried again
}

}  // namespace klamm::inline v0::runtime
