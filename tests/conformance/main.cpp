// Runs scenarios: conformance FILE... (JSON lines, may be compressed). Each is run undisturbed, and with a crash behind a step, the stores'
// files kept and lost. Prints the first difference of a failed scenario in full; last line `N passed, N failed`.
#include <zlib.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <set>
#include <string>

#include "klamm/test_driver.hpp"
#include "topologies.hpp"

namespace klamm::conformance {

std::vector<Entry> catalogue() {
  std::vector<Entry> entries;
  add_stateless(entries);
  add_aggregations(entries);
  add_tables(entries);
  add_joins(entries);
  add_windows(entries);
  add_suppress(entries);
  add_cogroup(entries);
  return entries;
}

namespace {

/// Where a run is disturbed: behind a step, or nowhere.
struct Crash {
  std::size_t behind = ~std::size_t{0};
  Disk disk = Disk::kept;
};

Text decoded(const std::string& bytes, bool number) {
  if (!number) return bytes;
  std::int64_t value = 0;
  return serde<std::int64_t>::decode(detail::view_of(bytes), value).ok() ? Text{std::to_string(value)} : std::nullopt;
}

class Run {
 public:
  Run(const Scenario& scenario, const Entry& entry) : scenario_{scenario}, entry_{entry}, topology_{"conformance"} {
    entry.build(topology_, scenario.params);
    core_ = std::make_unique<detail::DriverCore>(topology_, TestDriverOptions{});
    for (const Step& step : scenario.steps) {
      for (const Answer& answer : step.answers) outputs_.insert(answer.topic);
    }
    outputs_.insert("out");
  }

  /// What is wrong, or nothing.
  std::string check(const Crash& crash) {
    if (!core_->status().ok()) return core_->status().message();
    for (std::size_t i = 0; i < scenario_.steps.size(); ++i) {
      const Step& step = scenario_.steps[i];
      const Status status = take(step);
      if (step.stops) return status.ok() ? difference(i, "it should stop, and goes on") : std::string{};
      if (!status.ok()) return difference(i, status.message());
      const std::vector<Answer> got = answers();
      if (scenario_.only_final) {
        for (const Answer& a : got) last_[{a.topic, a.key}] = a;
        for (const Answer& a : step.answers) expected_last_[{a.topic, a.key}] = a;
      } else if (got != by_topic(step.answers)) {
        return difference(i, "", &got);
      }
      if (i != crash.behind) continue;
      if (const Status restarted = core_->restart(crash.disk); !restarted.ok()) return difference(i, restarted.message());
    }
    if (last_ != expected_last_) return difference(scenario_.steps.size() - 1, "the last values differ");
    return scenario_.compare_stores ? check_stores() : std::string{};
  }

 private:
  Status take(const Step& step) {
    if (step.topic.empty()) return core_->advance(Duration{step.timestamp});
    const auto bytes = [](const Text& text) { return text ? detail::view_of(*text) : BytesView{}; };
    return core_->send(step.topic, bytes(step.key), bytes(step.value), Timestamp{step.timestamp}, {}, {});
  }
  /// The order between topics of one step is not specified.
  static std::vector<Answer> by_topic(std::vector<Answer> answers) {
    std::stable_sort(answers.begin(), answers.end(), [](const Answer& a, const Answer& b) { return a.topic < b.topic; });
    return answers;
  }
  std::vector<Answer> answers() {
    std::vector<Answer> got;
    for (const std::string& topic : outputs_) {
      for (const detail::RawOutput& record : core_->read(topic, cursors_[topic])) {
        got.push_back({topic, record.key, record.value, record.timestamp.milliseconds()});
      }
    }
    return got;
  }
  std::string check_stores() {
    for (const auto& [name, expected] : scenario_.stores) {
      if (topology_.describe().find("\nstore " + name + ':') == std::string::npos) continue;  // klamm needs none there
      std::vector<Row> rows;
      for (const detail::RawRow& row : core_->rows(name)) {
        rows.push_back({row.key, decoded(row.value, entry_.numbers && name != "in").value_or("?"), row.timestamp.milliseconds()});
      }
      std::sort(rows.begin(), rows.end());
      if (rows == expected) continue;
      std::string why = "store " + name + " has";
      for (const Row& row : rows) why += ' ' + row.key + '=' + row.value + '@' + std::to_string(row.timestamp);
      why += ", expected";
      for (const Row& row : expected) why += ' ' + row.key + '=' + row.value + '@' + std::to_string(row.timestamp);
      return difference(scenario_.steps.size() - 1, why);
    }
    return {};
  }
  /// All steps up to the one that differs, with what they should make, and what that one made.
  std::string difference(std::size_t at, const std::string& why, const std::vector<Answer>* got = nullptr) {
    std::string text = scenario_.id + " (" + scenario_.topology;
    for (const auto& [name, value] : scenario_.params.values) text += ' ' + name + '=' + value;
    text += ")\n";
    for (std::size_t i = 0; i <= at; ++i) text += "    " + std::to_string(i + 1) + ": " + shown(scenario_.steps[i]) + '\n';
    if (!why.empty()) text += "    " + why + '\n';
    if (got != nullptr) {
      text += "    got:\n";
      for (const Answer& answer : *got) text += "        -> " + shown(answer) + '\n';
    }
    return text;
  }

  const Scenario& scenario_;
  const Entry& entry_;
  Topology topology_;
  std::unique_ptr<detail::DriverCore> core_;
  std::set<std::string> outputs_;
  std::map<std::string, std::vector<std::int64_t>> cursors_;
  std::map<std::pair<std::string, Text>, Answer> last_, expected_last_;
};

struct Tally {
  int passed = 0, failed = 0;
  std::map<std::string, int> scenarios;
};

void run(const std::string& line, const std::vector<Entry>& entries, Tally& tally) {
  Scenario scenario;
  const bool parsed = parse(line, scenario);
  const auto entry = std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.id == scenario.topology; });
  if (!parsed || entry == entries.end()) {
    ++tally.failed;
    std::printf("%s\n", parsed ? ("unknown topology: " + scenario.topology).c_str() : "not a scenario");
    return;
  }
  ++tally.scenarios[scenario.topology];
  const std::size_t behind = std::hash<std::string>{}(scenario.id) % scenario.steps.size();
  const std::pair<const char*, Crash> runs[] = {
      {"", {}}, {"with a crash, files kept: ", {behind, Disk::kept}}, {"with a crash, files lost: ", {behind, Disk::lost}}};
  for (const auto& [name, crash] : runs) {
    const std::string wrong = Run{scenario, *entry}.check(crash);
    ++(wrong.empty() ? tally.passed : tally.failed);
    if (!wrong.empty()) std::printf("%s%s", name, wrong.c_str());
    if (!wrong.empty()) return;
  }
}

bool run_file(const char* path, const std::vector<Entry>& entries, Tally& tally) {
  gzFile file = ::gzopen(path, "rb");
  if (file == nullptr) return false;
  std::string line;
  char part[4096];
  while (::gzgets(file, part, sizeof part) != nullptr) {
    line += part;
    if (line.back() != '\n') continue;
    run(line, entries, tally);
    line.clear();
  }
  return ::gzclose(file) == Z_OK;
}

}  // namespace
}  // namespace klamm::conformance

int main(int argc, char** argv) {
  const auto entries = klamm::conformance::catalogue();
  klamm::conformance::Tally tally;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--list") == 0) {
      for (const auto& entry : entries) std::printf("%s\n", std::string{entry.id}.c_str());
      return 0;
    }
    if (!klamm::conformance::run_file(argv[i], entries, tally)) {
      std::printf("%s: can't be read\n", argv[i]);
      ++tally.failed;
    }
  }
  for (const auto& [topology, count] : tally.scenarios) std::printf("%s: %d scenarios\n", topology.c_str(), count);
  std::printf("%d passed, %d failed\n", tally.passed, tally.failed);
  return tally.failed == 0 && tally.passed != 0 ? 0 : 1;
}
