#include "runtime/commit_mark.hpp"

#include "klamm/commit_mark.pb.h"

namespace klamm::inline v0::runtime {
namespace {

constexpr std::uint32_t newest_version = 1;

void encode(const Written& written, pb::CommitMark::Written& out) {
  out.set_key_schema(written.key_schema);
  out.set_value_schema(written.value_schema);
  for (const auto& [schema, until] : written.older) {
    pb::CommitMark::Written::Older& older = *out.add_older();
    older.set_value_schema(schema);
    older.set_until(until);
  }
}

Written decode(const pb::CommitMark::Written& message) {
  Written written{message.key_schema(), message.value_schema(), {}};
  for (const auto& older : message.older()) written.older.push_back({older.value_schema(), older.until()});
  return written;
}

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
    if (store.written != Written{}) runtime::encode(store.written, *out.mutable_written());
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
  for (const auto& [topic, written] : inputs) {
    pb::CommitMark::Input& out = *message.add_inputs();
    out.set_topic(topic);
    runtime::encode(written, *out.mutable_written());
  }
  for (const auto& [topic, offset] : followers) {
    pb::CommitMark::Follower& out = *message.add_followers();
    out.set_topic(topic);
    out.set_offset(offset);
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
                  where + ": the commit mark has version " + std::to_string(message.version()) +
                      ", written by a newer klamm (this one reads up to " + std::to_string(newest_version) +
                      "): run the newer one, or start anew with reset",
                  where};
  }
  CommitMark mark;
  for (const pb::CommitMark::Store& store : message.stores()) {
    Store& kept = mark.stores[store.name()];
    kept = {store.lineage(), store.changelog_end(), Timestamp{store.expired_before()}, {}, runtime::decode(store.written())};
    for (const pb::CommitMark::Segment& segment : store.segments()) kept.segments[segment.number()] = segment.changelog_begin();
  }
  for (const pb::CommitMark::Clock& clock : message.clocks()) mark.clocks[clock.name()] = Timestamp{clock.milliseconds()};
  for (const pb::CommitMark::Punctuation& known : message.punctuations()) {
    mark.punctuations.push_back({known.operator_(), known.number(), known.wall_clock() ? Time::wall_clock : Time::stream, known.every(),
                                 known.due(), known.cancelled()});
  }
  for (const pb::CommitMark::Input& input : message.inputs()) mark.inputs[input.topic()] = runtime::decode(input.written());
  for (const pb::CommitMark::Follower& follower : message.followers()) mark.followers[follower.topic()] = follower.offset();
  return mark;
}

}  // namespace klamm::inline v0::runtime
