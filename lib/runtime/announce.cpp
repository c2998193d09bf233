#include "runtime/announce.hpp"

#include <chrono>
#include <thread>

namespace klamm::inline v0::runtime {
namespace {

using Clock = std::chrono::steady_clock;

/// What `poll` says in the end.
template <class Poll> Status awaited(Poll poll, Clock::time_point deadline) {
  for (;;) {
    if (auto ended = poll()) return ended->status;
    if (Clock::now() > deadline) return {Code::unavailable, "the log does not commit"};
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
}

}  // namespace

Status announce(const Environment& environment, const std::vector<log::OffsetCommit>& marks) {
  if (marks.empty()) return {};
  Result<std::unique_ptr<log::Producer>> producer =
      environment.log.producer(environment.plan.application_id + "-types", environment.settings.guarantee, [] {});
  if (!producer.ok()) return producer.status();
  const auto deadline = Clock::now() + std::chrono::seconds{10};
  for (int tries = 0; tries < 10; ++tries) {
    (*producer)->prepare();
    Status status = awaited([&] { return (*producer)->prepared(); }, deadline);
    if (status.ok()) {
      (*producer)->commit(environment.plan.application_id, marks, {});
      status = awaited([&] { return (*producer)->poll(); }, deadline);
    }
    if (status.code() != Code::aborted) return status;
  }
  return {Code::unavailable, "the log takes back each commit of what the topics' types are"};
}

}  // namespace klamm::inline v0::runtime
