#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What Kafka Streams answers to a series of records, read from a line of JSON (see README.md).

namespace klamm::conformance {

using Text = std::optional<std::string>;

/// The parameters of a topology; all have defaults.
struct Params {
  std::map<std::string, std::string, std::less<>> values;

  [[nodiscard]] std::string text(std::string_view name, std::string otherwise = {}) const {
    const auto found = values.find(name);
    return found == values.end() ? std::move(otherwise) : found->second;
  }
  [[nodiscard]] bool flag(std::string_view name) const { return text(name) == "true"; }
  [[nodiscard]] std::int64_t number(std::string_view name, std::int64_t otherwise = 0) const {
    const auto found = values.find(name);
    return found == values.end() ? otherwise : std::stoll(found->second);
  }
};

struct Answer {
  std::string topic;
  Text key, value;
  std::int64_t timestamp = 0;
  friend bool operator==(const Answer&, const Answer&) = default;
};

/// A record that comes in, or a jump of the wall clock, and what it makes.
struct Step {
  std::string topic;  ///< empty: the clock
  Text key, value;
  std::int64_t timestamp = 0;  ///< or by how many milliseconds the clock goes on
  bool stops = false;          ///< the application
  std::vector<Answer> answers;
};

struct Row {
  std::string key, value;
  std::int64_t timestamp = 0;
  friend auto operator<=>(const Row&, const Row&) = default;
};

struct Scenario {
  std::string id, topology;
  Params params;
  std::vector<Step> steps;
  bool only_final = false;     ///< compare the last value of each key, not the steps
  bool compare_stores = true;  ///< not where klamm's answers differ from Kafka Streams'
  std::map<std::string, std::vector<Row>> stores;
};

/// False if the line is not a scenario.
bool parse(const std::string& line, Scenario& out);

/// As text, for messages.
std::string shown(const Text& text);
std::string shown(const Answer& answer);
std::string shown(const Step& step);

}  // namespace klamm::conformance
