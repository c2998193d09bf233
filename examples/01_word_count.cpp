// Counts the words of a text: 01_word_count [FILE] [--state DIR] [--partitions N] [--threads N] [--dump]
// With --state the log and the table are kept in DIR, and a later run goes on where this one ended, even if it was killed.
// With --brokers HOST:PORT [--app-id ID] [--at-least-once] it runs on Kafka: puts FILE into the topic `lines`, and counts what anyone puts
// there until it is stopped, as one of any number of processes. --feed-only does not count, --dump shows the counts of all and ends.
#include <klamm/klamm.hpp>

#include "support/feed.hpp"
#include "support/kafka.hpp"
#include "support/live_view.hpp"
#include "support/options.hpp"
#include "support/stop_on_signal.hpp"

namespace {

using klamm::NoKey;

const klamm::Topic<NoKey, std::string> lines{"lines"};
const klamm::TableName counts = klamm::table("counts");

/// The words of a line: runs of ASCII letters, digits, apostrophes and bytes from 0x80, letters lowered.
std::vector<std::string> words(const std::string& line) {
  std::vector<std::string> found;
  bool inside = false;
  for (const char c : line) {
    const bool upper = c >= 'A' && c <= 'Z';
    const bool letter = upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '\'' || static_cast<unsigned char>(c) >= 0x80;
    if (letter && !inside) found.emplace_back();
    if (letter) found.back() += upper ? static_cast<char>(c + 'a' - 'A') : c;
    inside = letter;
  }
  return found;
}

/// The pipeline: lines into words, words to their partitions, a count for each.
klamm::Topology word_count() {
  klamm::Topology topology{"word-count"};
  topology.stream(lines).flat_map(words).group_by([](const std::string& word) { return word; }).count(counts);
  return topology;
}

klamm::Status run(const example::Options& options) {
  const klamm::Topology topology = word_count();
  klamm::App app{topology,
                 {.log = options.state.empty() ? klamm::in_memory() : klamm::embedded(options.state, klamm::Retention::until_committed),
                  .threads = options.threads,
                  .partitions = options.partitions}};
  const example::StopOnSignal signals{app};
  if (auto status = app.start(); !status.ok()) return status;
  auto query = app.query<std::int64_t>(counts.name());
  example::LiveView view{app, query};
  klamm::Status status = options.file.empty() ? klamm::Status{} : example::feed(app, lines, options.file, view);
  while (status.ok() && !view.done()) status = view.wait();
  if (status.ok()) status = options.dump ? example::dump(query) : example::print_top(query);
  const klamm::Status stopped = app.stop(std::chrono::seconds{30});
  return signals.caught() ? stopped : status.ok() ? stopped : status;
}

/// The same pipeline on Kafka.
klamm::Status run_on_kafka(const example::Options& options) {
  if (auto status = example::readable(options.file); !status.ok()) return status;
  const klamm::Topology topology = word_count();
  const klamm::LogChoice log = klamm::kafka(options.brokers);
  klamm::App app{topology,
                 {.log = log,
                  .application_id = options.app_id,
                  .threads = options.threads,
                  .state_dir = options.state,
                  .guarantee = options.at_least_once ? klamm::Guarantee::at_least_once : klamm::Guarantee::exactly_once}};
  const example::StopOnSignal signals{app};
  klamm::Client client{log, {.name = options.app_id}};
  klamm::Status status = example::connect(client, signals);
  if (status.ok()) status = example::make_topic(client, lines, options.partitions);
  if (status.ok() && !options.file.empty()) status = example::append(client.producer(lines), options.file, signals);
  if (status.ok() && !options.feed_only)
    status = options.dump ? example::dump(app, client, options.app_id + "-counts-changelog") : example::count(app);
  const klamm::Status stopped = app.stop(std::chrono::seconds{30});
  const bool undone = !status.ok() && (options.dump || !options.file.empty());
  return signals.caught() && !undone ? stopped : status;
}

}  // namespace

int main(int argc, char** argv) {
  example::Options options;
  if (const int wrong_usage = example::parse(argc, argv, options); wrong_usage != 0) return wrong_usage;
  const klamm::Status status = options.brokers.empty() ? run(options) : run_on_kafka(options);
  if (!status.ok()) example::complain(argv[0], status);
  return status.ok() ? 0 : 1;
}
