#include "scenario.hpp"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>

namespace klamm::conformance {
namespace {

using Json = google::protobuf::Value;

const Json& at(const Json& object, const std::string& name) {
  static const Json none;
  const auto& fields = object.struct_value().fields();
  const auto found = fields.find(name);
  return found == fields.end() ? none : found->second;
}
bool has(const Json& object, const std::string& name) { return object.struct_value().fields().contains(name); }

Text text_of(const Json& value) { return value.kind_case() == Json::kStringValue ? Text{value.string_value()} : std::nullopt; }
std::int64_t number_of(const Json& value) { return static_cast<std::int64_t>(value.number_value()); }

std::string param_of(const Json& value) {
  if (value.kind_case() == Json::kBoolValue) return value.bool_value() ? "true" : "false";
  if (value.kind_case() == Json::kNumberValue) return std::to_string(number_of(value));
  return value.string_value();
}

Step step_of(const Json& json) {
  Step step;
  if (has(json, "advance_wall_clock")) {
    step.timestamp = number_of(at(json, "advance_wall_clock"));
  } else {
    step.topic = at(json, "in").string_value();
    step.key = text_of(at(json, "key"));
    step.value = text_of(at(json, "value"));
    step.timestamp = number_of(at(json, "ts"));
  }
  step.stops = has(json, "error") && !has(json, "should");
  for (const Json& answer : at(json, has(json, "should") ? "should" : "out").list_value().values()) {
    step.answers.push_back(
        {at(answer, "topic").string_value(), text_of(at(answer, "key")), text_of(at(answer, "value")), number_of(at(answer, "ts"))});
  }
  return step;
}

}  // namespace

bool parse(const std::string& line, Scenario& out) {
  google::protobuf::Struct whole;
  if (!google::protobuf::util::JsonStringToMessage(line, &whole).ok()) return false;
  Json json;
  *json.mutable_struct_value() = std::move(whole);
  out.id = at(json, "id").string_value();
  out.topology = at(json, "topology").string_value();
  out.only_final = at(json, "compare").string_value() == "final";
  for (const auto& [name, value] : at(json, "params").struct_value().fields()) out.params.values[name] = param_of(value);
  for (const Json& step : at(json, "steps").list_value().values()) {
    out.steps.push_back(step_of(step));
    if (has(step, "should") || has(step, "error")) out.compare_stores = false;
  }
  for (const auto& [name, rows] : at(json, "stores").struct_value().fields()) {
    std::vector<Row>& store = out.stores[name];
    for (const Json& row : rows.list_value().values()) {
      const auto& cells = row.list_value().values();
      store.push_back({cells[0].string_value(), cells[1].string_value(), number_of(cells[2])});
    }
    std::sort(store.begin(), store.end());
  }
  return !out.topology.empty();
}

std::string shown(const Text& text) { return text ? '"' + *text + '"' : "null"; }
std::string shown(const Answer& answer) {
  return answer.topic + ' ' + shown(answer.key) + '=' + shown(answer.value) + '@' + std::to_string(answer.timestamp);
}
std::string shown(const Step& step) {
  std::string text = step.topic.empty()
                         ? "the clock goes on by " + std::to_string(step.timestamp) + " ms"
                         : step.topic + ' ' + shown(step.key) + '=' + shown(step.value) + '@' + std::to_string(step.timestamp);
  for (const Answer& answer : step.answers) text += "\n        -> " + shown(answer);
  return text;
}

}  // namespace klamm::conformance
