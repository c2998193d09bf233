#pragma once

#include <string>
#include <utility>

#include "klamm/emit.hpp"
#include "klamm/time.hpp"

namespace klamm::inline v0 {

/// Names a table in the short forms: a string, or `klamm::table("name")` with options.
class TableName {
 public:
  TableName(const char* name) : name_{name} {}
  TableName(std::string name) : name_{std::move(name)} {}
  /// When the table tells of its changes; every one at once if not said.
  [[nodiscard]] TableName emit(Emit when) const {
    TableName copy{*this};
    copy.emit_ = when;
    return copy;
  }
  /// How long a windowed table keeps its rows, in stream time; as long as they may change if not said.
  [[nodiscard]] TableName retention(Duration time) const {
    TableName copy{*this};
    copy.retention_ = time;
    return copy;
  }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] Emit emits() const { return emit_; }
  [[nodiscard]] Duration retains() const { return retention_; }

 private:
  Duration retention_;
  std::string name_;
  Emit emit_ = Emit::on_update;
};

}  // namespace klamm::inline v0
