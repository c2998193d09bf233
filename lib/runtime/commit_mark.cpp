#include "runtime/commit_mark.hpp"

#include "klamm/commit_mark.pb.h"

namespace klamm::inline v0::runtime {
namespace {

constexpr std::uint32_t newest_version = 1;

}  // namespace

std::string CommitMark::encode() const {
  pb::CommitMark message;
  message.set_version(newest_version);
  for (const auto& [name, store] : stores) {
    pb::CommitMark::Store& out = *message.add_stores();
    out.set_name(name);
    out.set_lineage(store.lineage);
    out.set_changelog_end(store.changelog_end);
    out.set_expired_before(store.expired_before.milliseconds());
    for (const auto& [number, begin] : store.segments) {
      pb::CommitMark::Segment& segment = *out.add_segments();
      segment.set_number(number);
      segment.set_changelog_begin(begin);
    }
  }
  for (const auto& [name, time] : clocks) {
    pb::CommitMark::Clock& out = *message.add_clocks();
    out.set_name(name);
    out.set_milliseconds(time.milliseconds());
  }
  for (const Punctuation& punctuation : punctuations) {
    pb::CommitMark::Punctuation& out = *message.add_punctuations();
    out.set_operator_(punctuation.owner);
    out.set_number(punctuation.number);
    out.set_wall_clock(punctuation.time == Time::wall_clock);
    out.set_every(punctuation.every);
    out.set_due(punctuation.due);
    out.set_cancelled(punctuation.cancelled);
  }
  return message.SerializeAsString();
}

Result<CommitMark> CommitMark::decode(const std::string& bytes, const std::string& where) {
  pb::CommitMark message;
  if (!message.ParseFromString(bytes) || message.version() == 0) {
    return Status{Code::data_loss,
                  where + ": the metadata of the committed offset is no commit mark: another program commits with this application id",
                  where};
  }
  if (message.version() > newest_version) {
    return Status{Code::failed_precondition,
                  where + ": the commit mark has version " + std::to_string(message.version()) + ", this klamm reads up to " +
                      std::to_string(newest_version) + ": run the newer klamm that wrote it",
                  where};
  }
  CommitMark mark;
  for (const pb::CommitMark::Store& store : message.stores()) {
    Store& kept = mark.stores[store.name()];
    kept = {store.lineage(), store.changelog_end(), Timestamp{store.expired_before()}};
    for (const pb::CommitMark::Segment& segment : store.segments()) kept.segments[segment.number()] = segment.changelog_begin();
  }
  for (const pb::CommitMark::Clock& clock : message.clocks()) mark.clocks[clock.name()] = Timestamp{clock.milliseconds()};
  for (const pb::CommitMark::Punctuation& known : message.punctuations()) {
    mark.punctuations.push_back({known.operator_(), known.number(), known.wall_clock() ? Time::wall_clock : Time::stream, known.every(),
                                 known.due(), known.cancelled()});
  }
  return mark;
}

}  // namespace klamm::inline v0::runtime
